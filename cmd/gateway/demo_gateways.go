package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A demo is five running gateways, and what they play.
type demo struct {
	dir      string
	keep     bool
	store    *demoStore
	chapters []chapter
	say      *narrator
	clock    *demoClock
	world    *world
	nodes    []*demoNode
	officers map[string][]demoOfficer // by country
	post     postbox
	waits    map[string]exchange.DraftView // by country: what its officers have to decide
	returned storyResult                   // the longest story
	left     map[string]storyResult        // what is left on the desk, by the officers' task
	live     liveLines
	log      *os.File
	pages    net.Listener // of Viet Nam's officers
}

// A demoNode is one running gateway of the demo, with its sandbox officer.
type demoNode struct {
	*node
	party   *party
	sandbox *sandbox
	halt    func() // stops it, and returns when all is still
}

// listener are the addresses of one gateway: for partners, for whoever runs it,
// and for the officers and systems of its house.
type listener struct{ exchange, admin, house net.Listener }

func openListeners(port int) (listener, error) {
	e, err := freeListen(port)
	if err != nil {
		return listener{}, err
	}
	a, err := freeListen(port + 1)
	if err != nil {
		return listener{}, err
	}
	h, err := freeListen(port + 2)
	return listener{e, a, h}, err
}

// node returns a gateway by its country; it exists by construction.
func (d *demo) node(code string) *node {
	for _, n := range d.nodes {
		if n.cfg.Self == code {
			return n.node
		}
	}
	panic("no gateway of " + code)
}

func (d *demo) path(name string) string { return filepath.Join(d.dir, name) }

// start makes the world and runs its gateways.
func (d *demo) start(ctx context.Context) error {
	d.say.title()
	d.waits, d.left = map[string]exchange.DraftView{}, map[string]storyResult{}
	d.say.step("Keys and certificates", "five gateways, a throw-away authority, nothing leaves this machine")
	var err error
	if d.clock, err = newDemoClock(d.days()); err != nil {
		return err
	}
	if d.pages, err = freeListen(demoConsolePort); err != nil {
		return err
	}
	var listeners []listener
	var parties []*party
	for i, c := range countries {
		l, err := openListeners(demoPort + 10*i)
		if err != nil {
			return err
		}
		listeners = append(listeners, l)
		url, err := d.store.of(ctx, c.code)
		if err != nil {
			return err
		}
		parties = append(parties, &party{
			code: c.code, name: c.name, store: url,
			listen: l.exchange.Addr().String(), admin: l.admin.Addr().String(), house: l.house.Addr().String(),
		})
	}
	parties[0].pages = d.pages.Addr().String()
	d.world = &world{dir: d.dir, parties: parties, stories: true, began: d.clock.began}
	if err := d.world.create(); err != nil {
		return err
	}
	d.say.authority(d.world)
	if d.log, err = os.OpenFile(d.path("demo.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	for i, p := range parties {
		n, err := d.open(ctx, p)
		if err != nil {
			return fmt.Errorf("start %s: %w", p.code, err)
		}
		d.nodes = append(d.nodes, n)
		if d.officers[p.code], err = appoint(ctx, n.node, p); err != nil {
			return fmt.Errorf("appoint the officers of %s: %w", p.code, err)
		}
		if err := n.run(ctx, listeners[i]); err != nil {
			return fmt.Errorf("start %s: %w", p.code, err)
		}
	}
	d.say.gateways(d)
	return nil
}

// open opens one gateway; it does not run yet.
func (d *demo) open(ctx context.Context, p *party) (*demoNode, error) {
	cfg, err := LoadConfig(p.config, nil)
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.NewJSONHandler(d.log, nil)).With("gateway", p.code)
	if err := migrateStore(ctx, cfg, log); err != nil {
		return nil, err
	}
	opened, err := openNodeAt(ctx, cfg, log, d.clock.now)
	if err != nil {
		return nil, err
	}
	n := &demoNode{node: opened, party: p, sandbox: newSandbox(opened), halt: opened.close}
	n.onCommit = func(batch []*exchange.Entry) {
		d.post.noticed(batch)
		d.live.noticed(p.code, batch)
		n.sandbox.noticed(batch)
	}
	return n, nil
}

// run serves and carries until halt.
func (n *demoNode) run(ctx context.Context, l listener) error {
	if err := n.prepare(); err != nil {
		return err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	var all sync.WaitGroup
	all.Go(func() { n.sandbox.run(running) })
	all.Go(func() { _ = n.runAdmin(running, l.admin) })    // it ends with running
	all.Go(func() { _ = n.runOperator(running, l.house) }) // as this does
	all.Go(func() {
		if err := n.node.run(running, l.exchange); err != nil {
			n.log.Error("the gateway ended", "error", err)
		}
	})
	n.halt = func() { stop(); all.Wait(); n.close() }
	return nil
}

// close stops every gateway and waits until all is still. What nobody keeps is
// dropped.
func (d *demo) close() error {
	for _, n := range d.nodes {
		n.halt()
	}
	if d.pages != nil {
		_ = d.pages.Close() // it was served, and is closed already, or nobody came
	}
	if d.log != nil {
		_ = d.log.Close() // nothing more is written
	}
	if d.keep {
		return nil
	}
	if err := d.store.drop(context.Background()); err != nil {
		return errors.Join(errors.New("the demo's schemas could not be removed"), err)
	}
	return nil
}

// restart closes a gateway, opens it again, lets something be done while it
// does not run, and runs it at the same addresses.
func (d *demo) restart(ctx context.Context, code string, do func(n *node) error) error {
	for i, old := range d.nodes {
		if old.cfg.Self != code {
			continue
		}
		old.halt()
		n, err := d.open(ctx, old.party)
		if err != nil {
			return fmt.Errorf("open %s again: %w", code, err)
		}
		d.nodes[i] = n
		if err := do(n.node); err != nil {
			return err
		}
		var l listener
		if l.exchange, err = net.Listen("tcp", old.party.listen); err != nil {
			return fmt.Errorf("listen again: %w", err)
		}
		if l.admin, err = net.Listen("tcp", old.party.admin); err != nil {
			return fmt.Errorf("listen again: %w", err)
		}
		if l.house, err = net.Listen("tcp", old.party.house); err != nil {
			return fmt.Errorf("listen again: %w", err)
		}
		return n.run(ctx, l)
	}
	return fmt.Errorf("there is no gateway of %s", code)
}
