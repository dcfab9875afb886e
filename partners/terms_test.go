package partners

import (
	"errors"
	"testing"
)

func refusalRule(err error) string {
	var refusal *Refusal
	if errors.As(err, &refusal) {
		return refusal.Rule + " " + refusal.Pointer
	}
	return ""
}

func TestCheckRecipient(t *testing.T) {
	agencies := []Agency{{Code: "KH-MOSVY"}, {Code: "KH-NCCT"}}
	for _, c := range []struct {
		permitted []string
		recipient string
		known     []Agency
		want      string
	}{
		{nil, "", nil, ""},
		{nil, "", agencies, ""},
		{nil, "KH-NCCT", agencies, ""},
		{nil, "KH-NAVY", agencies, "recipient-not-permitted /recipient"},
		{nil, "KH-NAVY", nil, ""},
		{[]string{"KH-NCCT"}, "", agencies, "recipient-required /recipient"},
		{[]string{"KH-NCCT"}, "KH-NCCT", agencies, ""},
		{[]string{"KH-NCCT"}, "KH-NCCT", nil, ""},
		{[]string{"KH-NCCT"}, "KH-MOSVY", agencies, "recipient-not-permitted /recipient"},
		{[]string{"KH-NAVY"}, "KH-NAVY", agencies, "recipient-not-permitted /recipient"},
	} {
		err := (&Permit{Recipients: c.permitted}).CheckRecipient(c.recipient, c.known)
		if got := refusalRule(err); got != c.want || (err == nil) != (c.want == "") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestCheckApproval(t *testing.T) {
	asks := &ApprovalTerm{Citation: "A rule"}
	for _, c := range []struct {
		term     *ApprovalTerm
		approval string
		want     string
	}{
		{nil, "", ""},
		{nil, "A-1", "approval-not-permitted /approval"},
		{asks, "", "approval-required /approval"},
		{asks, "A-1", ""},
	} {
		err := (&Permit{Approval: c.term}).CheckApproval(c.approval)
		if got := refusalRule(err); got != c.want || (err == nil) != (c.want == "") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestCheckAnonymous(t *testing.T) {
	for _, c := range []struct {
		permit    string
		anonymous bool
		want      string
	}{
		{"", false, ""},
		{"", true, "anonymous-forbidden /anonymous"},
		{AnonymousForbid, true, "anonymous-forbidden /anonymous"},
		{AnonymousAllow, true, ""},
		{AnonymousAllow, false, ""},
		{AnonymousRequire, true, ""},
		{AnonymousRequire, false, "anonymous-required /anonymous"},
	} {
		err := (&Permit{Anonymous: c.permit}).CheckAnonymous(c.anonymous)
		if got := refusalRule(err); got != c.want || (err == nil) != (c.want == "") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// Four types are never released by one officer, whatever a file says.
func TestOfficers(t *testing.T) {
	for _, c := range []struct {
		messageType string
		release     *Release
		want        int
	}{
		{"handover_notice", nil, 0},
		{"handover_notice", &Release{1}, 1},
		{"handover_notice", &Release{2}, 2},
		{"repatriation_request", nil, 2},
		{"case_information_response", nil, 2},
		{"erasure_notice", &Release{1}, 2},
		{"erasure_confirmation", &Release{2}, 2},
	} {
		if got := (&Permit{Type: c.messageType, Release: c.release}).Officers(); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

// What starts a clock, and who has to keep it.
func TestDeadlineStarts(t *testing.T) {
	receiver := Deadline{ID: "a", Type: "question", Stops: []string{"answer"}, Responsible: ResponsibleReceiver, Scope: ScopeInternal}
	sender := Deadline{ID: "b", Type: "question", Stops: []string{"answer", "papers"}, Responsible: ResponsibleSender, Scope: ScopeInternal}
	agreed := Deadline{ID: "c", Type: "question", Stops: []string{"answer"}, Responsible: ResponsibleReceiver, Scope: ScopePartner,
		When: &Condition{"/subjects/*/decision", []string{"accept"}}}
	a := &Agreement{Deadlines: []Deadline{receiver, sender, agreed}}
	body := func(decisions ...any) any {
		var subjects []any
		for _, d := range decisions {
			subjects = append(subjects, map[string]any{"decision": d})
		}
		return map[string]any{"subjects": subjects}
	}
	for _, c := range []struct {
		direction Direction
		body      any
		want      string
	}{
		{Receive, body(), "a"},
		{Send, body(), "b"},
		{Receive, body("refuse", "accept"), "ac"},
		{Send, body("accept"), "bc"},
		{Send, body("refuse", 7.0, []any{"accept"}), "b"},
		{Send, body(map[string]any{"accept": "accept"}), "b"},
		{Send, nil, "b"},
	} {
		got := ""
		for _, d := range a.Started("question", c.direction, c.body) {
			got += d.ID
		}
		if got != c.want {
			t.Errorf("%s %v starts %q, want %q", c.direction, c.body, got, c.want)
		}
	}
	if len(a.Started("answer", Send, nil)) != 0 {
		t.Error("an answer starts a clock")
	}
	if d, ok := a.Deadline("b"); !ok || d.Responsible != ResponsibleSender {
		t.Errorf("b is %+v", d)
	}
	if _, ok := a.Deadline("z"); ok {
		t.Error("z is there")
	}
}

func TestDeadlineStops(t *testing.T) {
	receiver := Deadline{Stops: []string{"answer"}, Responsible: ResponsibleReceiver}
	sender := Deadline{Stops: []string{"answer", "papers"}, Responsible: ResponsibleSender}
	for _, c := range []struct {
		d           Deadline
		started     Direction
		messageType string
		direction   Direction
		ours, stops bool
	}{
		{receiver, Receive, "answer", Send, true, true},
		{receiver, Receive, "answer", Receive, true, false},
		{receiver, Receive, "question", Send, true, false},
		{receiver, Send, "answer", Receive, false, true},
		{sender, Send, "papers", Send, true, true},
		{sender, Send, "answer", Receive, true, true},
	} {
		if c.d.Ours(c.started) != c.ours || c.d.StoppedBy(c.started, c.messageType, c.direction) != c.stops {
			t.Errorf("%+v: ours %v, stopped %v", c, c.d.Ours(c.started), c.d.StoppedBy(c.started, c.messageType, c.direction))
		}
	}
}
