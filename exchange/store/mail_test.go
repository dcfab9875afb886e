package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
)

// Messages are listed the last first, whatever lane they came by, page after
// page without a gap, each with what is known of its case, delivery and answer.
func TestMailPage(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		r, ctx := newRig(t, url), t.Context()
		sent := &exchange.Entry{Kind: exchange.KindMessage, Partner: "LA", Direction: exchange.Out, ID: "message-out", Case: "case-0002",
			Type: "identity_verification_request", Said: about("S-1", ""), Data: []byte("asked"), Deliver: true}
		must(t, r.committer.Record(ctx, sent))
		must(t, r.db.PutDraft(ctx, exchange.DraftRow{ID: "message-out", Partner: "LA", Case: "case-0002", Author: "lan", Version: 1, Content: []byte("sealed")}))
		for i := range 5 {
			must(t, r.committer.Record(ctx, request("KH", fmt.Sprintf("message-%d", i), "case-0001", fmt.Sprint(i))))
		}
		answer := &exchange.Entry{Kind: exchange.KindMessage, Partner: "KH", Direction: exchange.Out, ID: "answer", Case: "case-0001", InReplyTo: "message-2",
			Type: "identity_verification_response", Said: about("S-1", "match"), Data: []byte("answered")}
		must(t, r.committer.Record(ctx, answer))
		must(t, r.committer.Record(ctx, &exchange.Entry{Kind: exchange.KindRefusal, Partner: "KH", Direction: exchange.In, ID: "refused", Data: []byte("refused")}))

		list := func(f exchange.MailFilter) string {
			t.Helper()
			mail, err := r.db.MailPage(ctx, f)
			must(t, err)
			ids := make([]string, len(mail))
			for i, m := range mail {
				ids[i] = m.ID
			}
			return strings.Join(ids, " ")
		}
		day := 24 * time.Hour
		for _, w := range []struct {
			filter exchange.MailFilter
			want   string
		}{
			{exchange.MailFilter{}, "answer message-4 message-3 message-2 message-1 message-0 message-out"},
			{exchange.MailFilter{Limit: 2}, "answer message-4"},
			{exchange.MailFilter{Partners: []string{"LA"}}, "message-out"},
			{exchange.MailFilter{Partners: []string{}}, ""},
			{exchange.MailFilter{Partners: []string{"GB"}}, ""},
			{exchange.MailFilter{Direction: exchange.Out}, "answer message-out"},
			{exchange.MailFilter{Type: "identity_verification_request", Limit: 3}, "message-4 message-3 message-2"},
			{exchange.MailFilter{Case: "case-0002"}, "message-out"},
			{exchange.MailFilter{Since: time.Now().Add(day)}, ""},
			{exchange.MailFilter{Until: time.Now().Add(-day)}, ""},
			{exchange.MailFilter{Since: time.Now().Add(-day), Until: time.Now().Add(day), Direction: exchange.In, Limit: 1}, "message-4"},
		} {
			if got := list(w.filter); got != w.want {
				t.Errorf("%+v lists %q, want %q", w.filter, got, w.want)
			}
		}
		var pages []string
		f := exchange.MailFilter{Limit: 3}
		for {
			mail, err := r.db.MailPage(ctx, f)
			must(t, err)
			for _, m := range mail {
				pages = append(pages, m.ID)
				f.Before = exchange.MailPlace{At: m.At, Index: m.Index}
			}
			if len(mail) < 3 {
				break
			}
		}
		if got := strings.Join(pages, " "); got != "answer message-4 message-3 message-2 message-1 message-0 message-out" {
			t.Errorf("page by page: %s", got)
		}
		mail, err := r.db.MailPage(ctx, exchange.MailFilter{})
		must(t, err)
		out, asked, open := mail[6], mail[3], mail[4]
		if out.Kind != exchange.Return || out.Delivery != exchange.JobDue || out.Author != "lan" || out.Answered || !out.At.Equal(sent.At.Truncate(time.Millisecond)) || out.Index != sent.Index {
			t.Errorf("a message of ours: %+v", out)
		}
		if !asked.Answered || open.Answered || asked.Delivery != "" || asked.Author != "" || asked.State == exchange.StateNone || mail[0].InReplyTo != "message-2" {
			t.Errorf("asked %+v\nopen %+v", asked, open)
		}
		if asked.Unanswered() || !open.Unanswered() || !out.Unanswered() || mail[0].Unanswered() {
			t.Error("who still has to answer is wrong")
		}
	})
}

// Views stand with their officer, in the order in which they were kept.
func TestSavedViews(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		db, ctx := openStore(t, url), t.Context()
		for _, v := range []exchange.ViewRow{{Officer: "lan", ID: "b", Content: []byte("2")}, {Officer: "lan", ID: "a", Content: []byte("1")}, {Officer: "minh", ID: "a", Content: []byte("3")}} {
			must(t, db.PutView(ctx, v))
		}
		must(t, db.DropView(ctx, "minh", "a"))
		must(t, db.DropView(ctx, "minh", "b")) // lan's
		lan, err := db.Views(ctx, "lan")
		must(t, err)
		minh, err := db.Views(ctx, "minh")
		must(t, err)
		if fmt.Sprint(lan) != "[{lan a [49]} {lan b [50]}]" || len(minh) != 0 {
			t.Errorf("lan has %v, minh %v", lan, minh)
		}
	})
}

// Cases are counted as they are listed, up to a bound.
func TestCaseCount(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		r, ctx := newRig(t, url), t.Context()
		for i, partner := range []string{"KH", "KH", "LA"} {
			must(t, r.committer.Record(ctx, request(partner, fmt.Sprintf("first-%d", i), fmt.Sprintf("case-%d", i), "asked")))
			if i == 0 {
				must(t, r.committer.Record(ctx, request(partner, "message-2", "case-0", "asked again")))
			}
		}
		for _, w := range []struct {
			filter exchange.CaseFilter
			want   int
		}{
			{exchange.CaseFilter{}, 3}, {exchange.CaseFilter{Limit: 2}, 2}, {exchange.CaseFilter{Partners: []string{"KH"}}, 2}, {exchange.CaseFilter{Partners: []string{}}, 0},
			{exchange.CaseFilter{Turn: exchange.TurnUs, State: exchange.StateOpened}, 3}, {exchange.CaseFilter{Turn: exchange.TurnPartner}, 0}, {exchange.CaseFilter{Case: "case-2"}, 1},
			{exchange.CaseFilter{DueBy: time.Now()}, 0},
		} {
			if got, err := r.db.CaseCount(ctx, w.filter); err != nil || got != w.want {
				t.Errorf("%+v counts %d, %v; want %d", w.filter, got, err, w.want)
			}
		}
	})
}
