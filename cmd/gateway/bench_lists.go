package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptrace"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/repatriation-exchange/gateway/certs"
	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/store"
	"github.com/repatriation-exchange/gateway/exchange/store/throwaway"
)

func newBenchLists() *cobra.Command {
	var messages, rounds int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "lists",
		Short: "Measure the officers' lists and searches on a large record",
		Long: `lists fills a SQLite file with a record of as many messages as asked for, in cases
of six, with a person in each case's blind index, all of it invented; copies it
into a throw-away PostgreSQL; opens the officers' pages over TLS; and asks for each
list, its middle, and for persons by approximate names, again and again. It
prints the time to the first byte and the size that leaves the gateway,
compressed. Filling takes some minutes for 1 000 000
messages.`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if messages < 1000 || rounds < 10 {
				return usagef("--messages must be at least 1000, --rounds at least 10")
			}
			return benchLists(cmd.Context(), messages, rounds, asJSON, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().IntVar(&messages, "messages", 1_000_000, "messages in the record")
	cmd.Flags().IntVar(&rounds, "rounds", 100, "how often each page is asked for")
	cmd.Flags().BoolVar(&asJSON, "json", false, "end with one JSON object on the last line")
	return cmd
}

// A pageReport is what one page showed on one store.
type pageReport struct {
	Store string  `json:"store"`
	Page  string  `json:"page"`
	P50   float64 `json:"first_byte_p50_ms"`
	P95   float64 `json:"first_byte_p95_ms"`
	Bytes int     `json:"compressed_bytes"` // the most
}

func benchLists(ctx context.Context, messages, rounds int, asJSON bool, out, progress io.Writer) error {
	dir, err := os.MkdirTemp("", "gateway-bench")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // a temporary folder
	pg, err := throwaway.Start(ctx, "")
	if err != nil {
		return hint(err, "bench compares both stores and needs PostgreSQL's server programs")
	}
	defer pg.Stop()
	var parties []*party
	for i, c := range countries {
		parties = append(parties, &party{code: c.code, name: c.name, listen: fmt.Sprintf("127.0.0.1:%d", i), store: "lists.db"})
	}
	made, err := newWorld(dir, true, parties)
	if err != nil {
		return err
	}
	officer := exchange.Officer{ID: "bench", Name: "An invented officer", Roles: []exchange.Role{exchange.RoleOfficer}, Partners: []string{exchange.EveryPartner}, Police: true, Status: exchange.OfficerActive}
	if err := os.MkdirAll(made.party("VN").path("officers"), 0o700); err != nil {
		return fmt.Errorf("make the officers' folder: %w", err)
	}
	pin, err := made.party("VN").issueTo(&officer)
	if err != nil {
		return err
	}
	officer.Pins = []string{pin}
	var reports []pageReport
	for _, kind := range []string{store.SQLite, store.PostgreSQL} {
		b := &listBench{kind: kind, messages: messages, rounds: rounds, officer: officer, progress: progress}
		if err := b.run(ctx, made, pg); err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
		reports = append(reports, b.reports...)
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "STORE\tPAGE\tFIRST BYTE P50\tP95\tCOMPRESSED")
	for _, r := range reports {
		fmt.Fprintf(w, "%s\t%s\t%.1f ms\t%.1f ms\t%.1f kB\n", r.Store, r.Page, r.P50, r.P95, float64(r.Bytes)/1000)
	}
	if err := w.Flush(); err != nil || !asJSON {
		return err
	}
	return printJSON(out, reports)
}

// A listBench is one store with its record and its pages.
type listBench struct {
	kind             string
	messages, rounds int
	officer          exchange.Officer
	progress         io.Writer
	node             *node
	client           *http.Client
	base             string
	reports          []pageReport
}

func (b *listBench) run(ctx context.Context, w *world, pg *throwaway.Server) error {
	cfg, err := LoadConfig(w.party("VN").config, nil)
	if err != nil {
		return err
	}
	file := cfg.Store
	if b.kind == store.PostgreSQL {
		if cfg.Store, err = pg.Database(ctx); err != nil {
			return err
		}
	}
	log := slog.New(slog.NewTextHandler(b.progress, &slog.HandlerOptions{Level: slog.LevelError}))
	if err := migrateStore(ctx, cfg, log); err != nil {
		return err
	}
	seed := &seeder{bench: b, file: file}
	if b.kind == store.PostgreSQL {
		seed.done.Store(int64(b.messages))
		if err := copyRecord(ctx, file, cfg.Store, b.progress); err != nil {
			return err
		}
	}
	if b.node, err = openNodeAt(ctx, cfg, log, seed.now); err != nil {
		return err
	}
	defer b.node.close()
	if err := b.node.openRegister(); err != nil {
		return err
	}
	if b.kind == store.SQLite {
		if err := seed.fill(ctx); err != nil {
			return err
		}
	}
	stop, err := b.open(ctx, w)
	if err != nil {
		return err
	}
	defer stop()
	return b.measure()
}

// open serves the pages and signs an officer in, by certificate.
func (b *listBench) open(ctx context.Context, w *world) (stop func(), err error) {
	officer, vn := b.officer, w.party("VN")
	if err := b.node.roster.Put(ctx, "", officer); err != nil {
		return nil, err
	}
	cfg := ConsoleConfig{ClientCertificates: true}
	pages, err := b.node.newConsole(cfg)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	b.base = "https://" + listener.Addr().String()
	serving, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- b.node.runConsole(serving, listener, cfg, pages) }()
	stop = func() { cancel(); <-done }
	if err := b.signIn(vn); err != nil {
		stop()
		return nil, err
	}
	return stop, nil
}

func (b *listBench) signIn(vn *party) error {
	identity, err := certs.LoadIdentity(certs.IdentityConfig{CertFile: vn.path("officers/bench.pem"), KeyFile: vn.path("officers/bench.tls.key"), Now: time.Now})
	if err != nil {
		return err
	}
	anchors, err := certs.ReadCertificates(vn.world.anchor())
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	for _, a := range anchors {
		pool.AddCert(a)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return fmt.Errorf("keep cookies: %w", err)
	}
	b.client = &http.Client{Jar: jar, Timeout: time.Minute, Transport: &http.Transport{
		TLSClientConfig:    &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: pool, GetClientCertificate: identity.GetClientCertificate},
		DisableCompression: true, // sizes are measured as they come
	}}
	_, err = b.ask(http.MethodPost, "/sign-in/certificate", url.Values{}, "")
	return err
}

// A shown page is one answer: how long its first byte took, how many came, and what
// they say.
type shown struct {
	first time.Duration
	bytes int
	page  string
}

// ask asks for a page, and fails unless it says something.
func (b *listBench) ask(method, path string, form url.Values, says string) (shown, error) {
	var out shown
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequest(method, b.base+path, body)
	if err != nil {
		return out, fmt.Errorf("ask for a page: %w", err)
	}
	r.Header.Set("Accept-Encoding", "gzip")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	started := time.Now()
	trace := &httptrace.ClientTrace{GotFirstResponseByte: func() { out.first = time.Since(started) }}
	resp, err := b.client.Do(r.WithContext(httptrace.WithClientTrace(r.Context(), trace)))
	if err != nil {
		return out, fmt.Errorf("ask for a page: %w", err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return out, fmt.Errorf("read a page: %w", err)
	}
	out.bytes = len(data)
	if resp.Header.Get("Content-Encoding") == "gzip" {
		plain, err := gzip.NewReader(bytes.NewReader(data))
		if err == nil {
			data, err = io.ReadAll(plain)
		}
		if err != nil {
			return out, fmt.Errorf("unpack a page: %w", err)
		}
	}
	if out.page = string(data); resp.StatusCode != http.StatusOK || !strings.Contains(out.page, says) {
		return out, fmt.Errorf("%s answered %d and lacks %q", path, resp.StatusCode, says)
	}
	return out, nil
}

var (
	nextPage = regexp.MustCompile(`rel="next" href="([^"]+)"`)
	aMessage = regexp.MustCompile(`href="(/messages/[A-Z]+/(?:in|out)/[^"?/]+)"`)
	aCase    = regexp.MustCompile(`href="(/cases/[A-Z]+/[^"?]+)"`)
)

// measure asks for every list, as it opens and further down, and for persons.
func (b *listBench) measure() error {
	lists := []struct{ name, path string }{
		{"my work", "/"}, {"cases", "/cases"}, {"cases waiting for us", "/cases?turn=us&by=due"}, {"cases overdue", "/cases?due=overdue&by=due"}, {"cases of one partner and state", "/cases?partner=GB&state=OPENED"},
		{"cases assigned to oneself", "/cases?officer=~me&by=due"},
		{"messages", "/messages"}, {"messages received", "/messages?box=in"}, {"of one partner and type", "/messages?partner=LA&type=" + exchange.TypeIdentityRequest},
		{"unanswered", "/messages?box=in&open=1"}, {"without a receipt", "/messages?box=out&delivery=due"}, {"of one month", "/messages?from=" + b.node.now().AddDate(0, -2, 0).Format(time.DateOnly) + "&to=" + b.node.now().AddDate(0, -1, 0).Format(time.DateOnly)},
		{"refused", "/messages?box=refused"},
	}
	for _, l := range lists {
		var got []shown
		path := l.path
		for range b.rounds {
			a, err := b.ask(http.MethodGet, path, nil, "govuk-template")
			if err != nil {
				return err
			}
			got = append(got, a)
			path = l.path
			if m := nextPage.FindStringSubmatch(a.page); m != nil {
				path = strings.ReplaceAll(m[1], "&amp;", "&") // each round a page further down
			}
		}
		b.report(l.name, got)
	}
	if err := b.measureCase(); err != nil {
		return err
	}
	cases := b.messages / messagesOfCase
	for _, s := range []struct {
		name, path string
		form       func(i int) url.Values
	}{
		{"search by a case's number", "/find", func(i int) url.Values {
			return url.Values{"text": {fmt.Sprintf("case-%06d", i*37%cases/10)}}
		}},
		{"search for a person by name and year", "/find/person", func(i int) url.Values {
			p := inventedPerson(i * 37 % cases / 10 * 10) // whose case is everybody's
			return url.Values{"name": {p.Names[0].Latin}, "birth": {p.Birth}, "reason": {"a bench"}}
		}},
		{"search for a person by a frequent name", "/find/person", func(i int) url.Values {
			return url.Values{"name": {inventedPerson(i * 37 % cases / 10 * 10).Names[0].Latin}, "reason": {"a bench"}}
		}},
	} {
		var got []shown
		for i := range b.rounds {
			a, err := b.ask(http.MethodPost, s.path, s.form(i), "/cases/")
			if err != nil {
				return err
			}
			got = append(got, a)
		}
		b.report(s.name, got)
	}
	return nil
}

// measureCase asks for the pages of cases, and for that of the last message of each.
func (b *listBench) measureCase() error {
	list, err := b.ask(http.MethodGet, "/cases", nil, "/cases/")
	if err != nil {
		return err
	}
	cases := aCase.FindAllStringSubmatch(list.page, -1)
	if len(cases) == 0 {
		return errors.New("the list of cases has none")
	}
	var pages, messages []shown
	for i := range b.rounds {
		page, err := b.ask(http.MethodGet, cases[i%len(cases)][1], nil, "S-1")
		if err != nil {
			return err
		}
		pages = append(pages, page)
		last := aMessage.FindStringSubmatch(page.page)
		if last == nil {
			return errors.New("the page of a case has no message")
		}
		message, err := b.ask(http.MethodGet, last[1], nil, "govuk-template")
		if err != nil {
			return err
		}
		messages = append(messages, message)
	}
	b.report("a case", pages)
	b.report("a message", messages)
	return nil
}

func (b *listBench) report(name string, got []shown) {
	out := pageReport{Store: b.kind, Page: name}
	times := make([]time.Duration, len(got))
	for i, a := range got {
		times[i], out.Bytes = a.first, max(out.Bytes, a.bytes)
	}
	slices.Sort(times)
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	out.P50, out.P95 = ms(times[len(times)/2]), ms(times[len(times)*95/100])
	b.reports = append(b.reports, out)
	fmt.Fprintf(b.progress, "%s: %s: p50 %.1f ms, p95 %.1f ms, %d bytes\n", b.kind, name, out.P50, out.P95, out.Bytes)
}
