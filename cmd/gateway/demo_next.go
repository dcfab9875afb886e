package main

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/partners"
	"github.com/repatriation-exchange/gateway/schemas"
)

// stayUp goes on after the stories until ctx ends: it prepares what a person can
// try, says how, and shows what passes between the gateways.
func (d *demo) stayUp(ctx context.Context, r demoResult) error {
	d.say.summary(r)
	left, err := d.leaveToYou(ctx)
	if err != nil {
		return err
	}
	for name, messageType := range map[string]string{
		"request.json": exchange.TypeIdentityRequest, "self-return.json": exchange.TypeSelfReturnRequest,
	} {
		if err := writeSecret(d.path(name), schemas.Example(messageType)); err != nil {
			return err
		}
	}
	for _, n := range d.nodes {
		n.sandbox.awake.Store(true)
	}
	if err := d.openConsole(ctx); err != nil {
		return err
	}
	d.say.next(d, left)
	d.live.show(ctx, d.say)
	d.say.line("")
	d.say.line("Stopping: requests under way are finished.")
	if d.keep {
		d.say.kept(d)
	}
	return nil
}

// deliveryLease is how long the delivery of the prepared message is left to
// whoever tries the demo. After that its sender's gateway delivers it itself.
const deliveryLease = time.Hour

// leaveToYou makes a message that Cambodia's gateway has signed and recorded and
// does not deliver for now: a person does it with curl. Because it stands in
// that gateway's record, the answer to it is expected there, and when the
// gateway delivers it too, it gets the same receipt. It returns the file that
// holds the exact bytes.
func (d *demo) leaveToYou(ctx context.Context) (string, error) {
	path := d.path("message.jwt")
	// Viet Nam's database is closed once, so that all of it is in its one file; and its
	// record is checked, as the gateway would only do tomorrow.
	if err := d.restart(ctx, "VN", func(n *node) error {
		checker, err := n.newChecker()
		if err != nil {
			return err
		}
		return checker.Work(ctx)
	}); err != nil {
		return "", err
	}
	return path, d.restart(ctx, "KH", func(n *node) error {
		sent, err := n.outbox.Submit(ctx, exchange.Draft{
			To: "VN", Type: exchange.TypeIdentityRequest, Agreement: d.world.agreement("KH"), Body: schemas.Example(exchange.TypeIdentityRequest),
		}, exchange.Safeguard{Kind: partners.SafeguardConsent, Basis: "consent", On: n.now().Format(time.DateOnly)})
		if err != nil {
			return err
		}
		now := n.now()
		jobs, err := n.db.Claim(ctx, "VN", now, now.Add(deliveryLease), 1)
		if err != nil {
			return err
		}
		if len(jobs) != 1 || jobs[0].Ref != sent.ID {
			return fmt.Errorf("the prepared message is not the one that is due")
		}
		message, err := open(ctx, n, exchange.MessageKey{Lane: exchange.Lane{Partner: "VN", Direction: exchange.Out}, ID: sent.ID})
		if err != nil {
			return err
		}
		return writeSecret(path, message.Data)
	})
}

// next says what can be tried while the gateways are up. Every command works as
// it is printed, whatever its length.
func (s *narrator) next(d *demo, message string) {
	vn, kh := d.world.party("VN"), d.world.party("KH")
	today := d.clock.now().Format(time.DateOnly)
	s.step("Try next", "the gateways stay up until Ctrl-C; in another terminal, from this folder:")
	s.try("Look at the cases, and at the life of one.", "bin/gateway case list --config %s", vn.config)
	s.command("bin/gateway case timeline %s %s --config %s", d.returned.Partner, d.returned.Case, vn.config)
	s.try("Ask Cambodia who two people are. An invented officer answers, from an invented register.",
		"bin/gateway send %s --to KH --safeguard consent=%s --wait --config %s", d.path("request.json"), today, vn.config)
	s.try("Ask China about a person who came back by herself.",
		"bin/gateway send %s --to CN --type %s --safeguard consent=%s --wait --config %s", d.path("self-return.json"), exchange.TypeSelfReturnRequest, today, vn.config)
	s.officers(d)
	s.try("Be Cambodia. Its gateway has signed a question and leaves it to you to deliver it, for an hour.\n"+
		"  You get Viet Nam's receipt, and its gateway gets the answer. Do it twice: the same receipt.",
		"curl --cacert %s --cert %s --key %s -H 'Content-Type: %s' --data-binary @%s https://%s/v1/messages",
		d.world.anchor(), kh.path("tls.pem"), kh.path("tls.key"), exchange.MediaTypeMessage, message, vn.listen)
	s.try("Take the evidence away, and verify it with a program that shares no code with the gateway.",
		"bin/gateway export --config %s --output %s --reason \"a first look\" && bin/verify %[2]s", vn.config, d.path("evidence.zip"))
	if d.store.url == "sqlite" {
		s.try("Alter a letter in a copy of Viet Nam's database, and let it be found.",
			"cp -r %s %s && LC_ALL=C sed -i s/nationality_confirmation/nationality_confirmatioN/ %[2]s/gateway.db && bin/gateway check --config %[2]s/gateway.yaml",
			filepath.Dir(vn.config), d.path("altered"))
	}
	s.try("See whether a gateway is well; the log of all five is "+d.path("demo.log")+".", "curl http://%s/readyz", vn.admin)
	s.step("Now", "what passes between the gateways is shown here")
}

// try says what a command is for, and the command.
func (s *narrator) try(what, format string, args ...any) {
	s.line("  %s", what)
	s.command(format, args...)
}

func (s *narrator) command(format string, args ...any) {
	s.line("    %s", s.paint(inkBold, fmt.Sprintf(format, args...)))
}

// officers says how the draft that waits is read and released, and how an
// officer looks at cases over the operator API.
func (s *narrator) officers(d *demo) {
	from := d.world.party("GB") // Viet Nam's officers have their pages
	if draft, ok := d.waits[from.code]; ok {
		first := d.officers[from.code][0].ID
		s.try("Be the two officers of the "+shortName(from.code)+": read the draft that waits, and release it.",
			"bin/gateway draft show %s --as %s --reason \"to decide\" --config %s", draft.Row.ID, first, from.config)
		for _, o := range d.officers[from.code] {
			s.command("bin/gateway draft approve %s --as %s --key %s --sha256 %s --config %s",
				draft.Row.ID, o.ID, from.path("officers/"+o.ID+".key"), draft.SHA256, from.config)
		}
	}
	vn := d.world.party("VN")
	officer := vn.path("officers/" + d.officers["VN"][0].ID)
	s.try("Be an officer of Viet Nam over the operator API, as a national case system would.",
		"curl --cacert %s --cert %s.pem --key %[2]s.tls.key https://%s/v1/cases", d.world.anchor(), officer, vn.house)
}

// liveLines show the messages that reach a gateway while a person tries things.
// They never make a commit wait: what does not fit is not shown.
type liveLines struct {
	mu    sync.Mutex
	lines chan liveLine
}

// A liveLine is one message that was taken or refused.
type liveLine struct {
	to    string
	entry exchange.Entry
}

// noticed hears of every commit.
func (l *liveLines) noticed(code string, batch []*exchange.Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lines == nil {
		return
	}
	for _, e := range batch {
		if (e.Kind == exchange.KindMessage || e.Kind == exchange.KindRefusal) && e.Direction == exchange.In {
			select {
			case l.lines <- liveLine{code, exchange.Entry{
				Kind: e.Kind, Partner: e.Partner, Type: e.Type, At: e.At, Index: e.Index, Duplicate: e.Duplicate, State: e.State,
			}}:
			default:
			}
		}
	}
}

// show prints until ctx ends.
func (l *liveLines) show(ctx context.Context, say *narrator) {
	l.mu.Lock()
	l.lines = make(chan liveLine, 256)
	l.mu.Unlock()
	for {
		select {
		case <-ctx.Done():
			return
		case line := <-l.lines:
			say.live(line)
		}
	}
}

// live tells of one message.
func (s *narrator) live(l liveLine) {
	e, mark := l.entry, s.paint(inkGood, "ok")
	if e.Kind == exchange.KindRefusal {
		mark = s.paint(inkStop, "refused")
	}
	what := fmt.Sprintf("entry %d", e.Index)
	if e.Duplicate {
		what += ", a copy: the same receipt"
	}
	s.line("  %s  %s → %s  %s %s, %s  %s", e.At.Local().Format("15:04:05"), s.paint(inkBold, e.Partner), s.paint(inkBold, l.to), mark, e.Type, what,
		s.paint(inkState, string(e.State)))
}
