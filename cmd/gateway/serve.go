package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/repatriation-exchange/gateway/certs"
)

func newServe() *cobra.Command {
	var from nodeFlag
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run a gateway",
		Long: `serve runs one gateway: it takes messages from partners, carries ours to them,
and answers /healthz, /readyz and /metrics on the admin address. Where it is
configured it also serves the operator API and tells webhooks of what happens.
SIGTERM drains it: requests and deliveries under way are finished first.

Changes of partner files, certificates and revocation lists are picked up
without a restart.`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, log, err := from.load()
			if err != nil {
				return err
			}
			tuneRuntime()
			n, err := openNode(cmd.Context(), cfg, log)
			if err != nil {
				return err
			}
			defer n.close()
			return serve(cmd.Context(), n)
		},
	}
	from.add(cmd)
	return cmd
}

// serve runs an opened node on its configured addresses until ctx ends.
func serve(ctx context.Context, n *node) error {
	if err := n.prepare(); err != nil {
		return err
	}
	n.collectProcess()
	exchangeListener, err := net.Listen("tcp", n.cfg.Listen)
	if err != nil {
		return hint(fmt.Errorf("listen for partners: %w", err), "another program may hold the port; change listen in the configuration")
	}
	group, ctx := errgroup.WithContext(ctx)
	if n.cfg.Admin != "" {
		adminListener, err := net.Listen("tcp", n.cfg.Admin)
		if err != nil {
			_ = exchangeListener.Close() // nothing was accepted on it
			return hint(fmt.Errorf("listen for operators: %w", err), "change admin in the configuration")
		}
		group.Go(func() error { return n.runAdmin(ctx, adminListener) })
	}
	if err := n.startConsole(ctx, group.Go); err != nil {
		_ = exchangeListener.Close() // nothing was accepted on it
		return err
	}
	if n.operator != nil {
		operatorListener, err := net.Listen("tcp", n.cfg.Operator.Listen)
		if err != nil {
			_ = exchangeListener.Close() // nothing was accepted on it
			return hint(fmt.Errorf("listen for the operator API: %w", err), "change operator.listen in the configuration")
		}
		group.Go(func() error { return n.runOperator(ctx, operatorListener) })
	}
	n.log.Info("gateway started", "self", n.cfg.Self, "listen", exchangeListener.Addr().String(), "store", n.db.Kind(), "origin", n.cfg.Log.Origin, "version", buildVersion())
	group.Go(func() error { return n.run(ctx, exchangeListener) })
	err = group.Wait()
	if err != nil {
		n.log.Error("gateway stopped", "error", err)
	} else {
		n.log.Info("gateway stopped")
	}
	return err
}

// runAdmin serves health and metrics until ctx ends.
func (n *node) runAdmin(ctx context.Context, listener net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", n.ready)
	mux.Handle("GET /metrics", promhttp.HandlerFor(n.collected, promhttp.HandlerOpts{}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		<-ctx.Done()
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = server.Shutdown(closing) // a scrape that is cut off is asked again
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve operators: %w", err)
	}
	return nil
}

// A readiness is what /readyz answers: ready or not, and everything that an
// operator should see soon.
type readiness struct {
	Ready    bool                    `json:"ready"`
	Size     int64                   `json:"record_size"`
	Problems []string                `json:"problems"`
	Warnings []string                `json:"warnings"`
	Partners map[string]partnerState `json:"partners"`
}

type partnerState struct {
	Status      string `json:"status"`
	Revocation  string `json:"revocation"`
	CircuitOpen bool   `json:"circuit_open"`
	Due         int64  `json:"due"`
	Dead        int64  `json:"dead"`
}

// ready says whether this gateway can take and carry messages now (503 when
// not), and what wants attention (P8: a stale list is a visible state).
func (n *node) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second)
	defer cancel()
	out := readiness{Problems: []string{}, Warnings: []string{}, Partners: map[string]partnerState{}}
	if head, err := n.db.Head(ctx); err != nil {
		out.Problems = append(out.Problems, "the store cannot be read")
	} else {
		out.Size = head.Size
	}
	select {
	case <-n.committer.Failed():
		out.Problems = append(out.Problems, "recording has stopped: "+n.committer.Err().Error())
	default:
		if t := n.committer.Trouble(); t != nil {
			out.Problems = append(out.Problems, fmt.Sprintf("nothing is recorded since %s (%d batches): %v", t.Since.UTC().Format(time.RFC3339), t.Batches, t.Err))
		}
	}
	if left := time.Until(n.identity.Expires()); left < 0 {
		out.Problems = append(out.Problems, "our TLS certificate has expired")
	} else if left < 14*24*time.Hour {
		out.Warnings = append(out.Warnings, fmt.Sprintf("our TLS certificate expires in %d days", int(left.Hours()/24)))
	}
	if err := n.identity.Problem(); err != nil {
		out.Warnings = append(out.Warnings, "the renewed TLS certificate is not usable")
	}
	if err := n.registry.Problem(); err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			out.Warnings = append(out.Warnings, "the registry has an error, and the last good state is in force: "+line)
		}
	}
	out.Warnings = append(out.Warnings, n.operatorWarnings()...)
	out.Warnings = append(out.Warnings, n.watch.Warnings()...)
	out.Warnings = append(out.Warnings, n.checker.Warnings()...)
	n.partnerStates(ctx, &out)
	out.Ready = len(out.Problems) == 0
	w.Header().Set("Content-Type", "application/json")
	if !out.Ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(out) // the asker is gone when this fails
}

func (n *node) partnerStates(ctx context.Context, out *readiness) {
	backlog, err := n.db.Backlog(ctx)
	if err != nil {
		out.Problems = append(out.Problems, "the backlog cannot be read")
	}
	for _, p := range n.registry.Current().All() {
		revocation, wrong := n.trust.revocation(p.Code)
		for _, what := range wrong {
			out.Warnings = append(out.Warnings, "partner "+p.Code+": a TLS file is not usable, and the last good one is in force: "+what)
		}
		state := partnerState{
			Status: string(p.Status), Revocation: revocation, CircuitOpen: n.courier.CircuitOpen(p.Code),
			Due: backlog[p.Code].Due, Dead: backlog[p.Code].Dead,
		}
		out.Partners[p.Code] = state
		if state.Revocation != certs.CRLFresh && state.Revocation != certs.CRLNone {
			out.Warnings = append(out.Warnings, "partner "+p.Code+": the revocation list is "+state.Revocation)
		}
		if state.Dead > 0 {
			out.Warnings = append(out.Warnings, fmt.Sprintf("partner %s: %d message(s) will not be delivered; see 'gateway partner queue %s'", p.Code, state.Dead, p.Code))
		}
	}
}
