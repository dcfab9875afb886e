package console

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/repatriation-exchange/gateway/exchange"
)

//go:embed templates/*.html
var templateFiles embed.FS

// pages are the templates of one language, by page. Each is parsed when it is first
// asked for: a gateway starts sooner, and holds only what its officers speak.
type pages map[string]func() (*template.Template, error)

// render writes a page inside a frame.
func (p pages) render(out io.Writer, page, frame string, view any) error {
	parse, ok := p[page]
	if !ok {
		return fmt.Errorf("no page is called %s", page)
	}
	parsed, err := parse()
	if err == nil {
		err = parsed.ExecuteTemplate(out, frame, view)
	}
	if err != nil {
		return fmt.Errorf("render the page %s: %w", page, err)
	}
	return nil
}

// parsePages parses the frame of every page, with the words of a language and a
// version of what pages load.
func parsePages(s *speech, version string) (pages, error) {
	functions := template.FuncMap{
		"t": s.T, "word": s.Or, "time": s.Time, "day": s.Day, "due": s.Due, "text": Text,
		"asset":      func(name string) string { return "/assets/" + version + "/" + name },
		"with_now":   func(line CaseLine, now time.Time) any { return lineNow{line, now} },
		"erasable":   erasable,
		"described":  Node.described,
		"faulty":     fieldFault.faulty,
		"date_parts": func(n Node, at string) any { return dateParts{n, at, n.Pointer + at, nodeID(n.Pointer + at)} },
		"case_table": func(cases []CaseLine, caption string, turn bool, now time.Time) any {
			return caseTable{caption, turn, cases, now}
		},
		"draft_table":      func(drafts []DraftLine, caption string, held bool) any { return draftTable{caption, held, drafts} },
		"choice_list":      func(choices []Choice, chosen string) any { return choiceList{chosen, choices} },
		"block_list":       func(blocks []Block, may bool) any { return blockList{may, true, blocks} },
		"paper_list":       func(blocks []Block) any { return blockList{false, false, blocks} },
		"in_order":         inOrder,
		"person_index":     personIndex,
		"person_anchor":    personAnchor,
		"clock_list":       func(clocks []ClockLine, now time.Time) any { return clockList{clocks, now} },
		"duplicate_list":   func(found []DuplicateLine, of exchange.SubjectKey) any { return duplicateList{found, of} },
		"identity_table":   func(i *Identity, may bool) any { return identityTable{may, i} },
		"fault_list":       func(title string, faults fieldFaults) any { return faultList{title, faults} },
		"one_fault":        oneFault,
		"difference_table": func(list []Difference, caption string) any { return differenceTable{caption, list} },
	}
	frame, err := template.New("frame.html").Funcs(functions).ParseFS(templateFiles, "templates/frame.html", "templates/paper.html", "templates/part-*.html")
	if err != nil {
		return nil, fmt.Errorf("parse the frame: %w", err)
	}
	files, err := fs.Glob(templateFiles, "templates/page-*.html")
	if err != nil {
		return nil, fmt.Errorf("list the pages: %w", err)
	}
	out := pages{}
	for _, file := range files {
		out[strings.TrimSuffix(strings.TrimPrefix(path.Base(file), "page-"), ".html")] = sync.OnceValues(func() (*template.Template, error) {
			page, err := frame.Clone()
			if err != nil {
				return nil, fmt.Errorf("copy the frame: %w", err)
			}
			return page.ParseFS(templateFiles, file)
		})
	}
	return out, nil
}

// What the parts of pages are shown with.
type (
	lineNow struct {
		Line CaseLine
		Now  time.Time
	}
	clockList struct {
		Clocks []ClockLine
		Now    time.Time
	}
	duplicateList struct {
		Found []DuplicateLine
		Of    exchange.SubjectKey
	}
	identityTable struct {
		May      bool // the officer may ask for what is hidden
		Identity *Identity
	}
	caseTable struct {
		Caption string
		Turn    bool // with the column of who acts next
		Cases   []CaseLine
		Now     time.Time
	}
	draftTable struct {
		Caption string
		Held    bool // with the column of what is missing
		Drafts  []DraftLine
	}
	choiceList struct {
		Chosen  string
		Choices []Choice
	}
	faultList struct {
		Title  string
		Faults fieldFaults
	}
	differenceTable struct {
		Caption     string
		Differences []Difference
	}
	dateParts struct {
		Node         Node
		At, Name, ID string
	}
	blockList struct {
		May    bool // hidden fields can be chosen
		Alone  bool // no other message is on the page: its persons can be led to
		Blocks []Block
	}
)

// A visit is one request, with who makes it and in which language.
type visit struct {
	w       http.ResponseWriter
	r       *http.Request
	s       *speech
	now     time.Time
	officer *exchange.Officer // nil: nobody is signed in
	session exchange.Session
	id      string             // of the session
	back    string             // the page that the answer is a state of, where its address does not say it
	roster  []exchange.Officer // once it was asked for
}

// A frame is what every page shows around its own content.
type frame struct {
	Title     string // never with anything personal in it: it stands in the browser's history
	Here      string // the part of the console, for the navigation
	Path      string // where a choice of language comes back to
	Language  string
	Languages []string // to choose from
	Drafted   string   // what a language says of itself that nobody has reviewed
	Officer   *exchange.Officer
	Demo      bool
	Emergency bool // the officer may open cases of partners that they are not assigned to
	Now       time.Time
	Idle      int       // minutes without use after which a session ends
	Left      *leftView // what the officer had asked for, and their session had ended
	Page      any
}

var (
	errNoPage       = errors.New("there is no such page")
	errMayNot       = exchange.NewProblem(exchange.ProblemForbidden, "This page is for other roles.")
	errForeignForm  = errors.New("a form came from another site")
	errNoInvitation = errors.New("the invitation was used, or its time is over")
)

// open serves a page that nobody has to be signed in for.
func (c *Console) open(page func(*visit) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), longestWait)
		defer cancel()
		r = r.WithContext(ctx)
		soon, enough := context.WithTimeout(ctx, knownWait)
		defer enough()
		v := &visit{w: w, r: r.WithContext(soon), s: c.languages.of(r), now: c.cfg.Clock()}
		err := c.recognise(v)
		if v.r = r; err != nil && !errors.Is(err, exchange.ErrNotFound) {
			c.failed(v, err)
			return
		}
		if v.officer == nil {
			r.Body = http.MaxBytesReader(w, r.Body, maxStranger)
		}
		if err := tooLong(r); err != nil {
			c.failed(v, err)
			return
		}
		if err := page(v); err != nil {
			c.failed(v, err)
		}
	}
}

// longestWait bounds how long an officer waits for a page: a store that stands still is
// said to be away, by a page that holds what was sent, while the server can still send
// it (it ends an answer after a minute). A printed case may take nearly as long.
const longestWait = 50 * time.Second

// knownWait bounds how long whose request it is may take: who is not known yet sends
// nothing that is read, and the server reads for half a minute.
const knownWait = 15 * time.Second

// tooLong refuses a form past the bound. A page that only asked for its values
// would find them empty, and tell an officer to type what they have typed.
func tooLong(r *http.Request) error {
	var past *http.MaxBytesError
	if err := r.ParseForm(); errors.As(err, &past) {
		return past
	}
	return nil
}

// signedIn serves a page to an officer, and asks anybody else to sign in.
func (c *Console) signedIn(page func(*visit) error) http.HandlerFunc {
	return c.open(func(v *visit) error {
		may, err := c.acts(v)
		if err != nil {
			return err
		}
		if !may {
			return c.askToSignIn(v)
		}
		if err = page(v); err == nil {
			c.sentAgain(v)
		}
		return err
	})
}

// pageOf returns the address of the page that a request is about: its own, or for a
// form that is sent somewhere else the one that the form stands on, above it.
func (c *Console) pageOf(r *http.Request) string {
	if r.Method == http.MethodGet {
		return r.URL.RequestURI()
	}
	sent := r.URL.EscapedPath()
	for path := sent; path != ""; path = path[:strings.LastIndexByte(path, '/')] {
		if !c.router.Match(chi.NewRouteContext(), http.MethodGet, path) {
			continue
		}
		if path == sent {
			return r.URL.RequestURI()
		}
		return path
	}
	return "/"
}

func (v *visit) redirect(to string) error {
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil
}

// caseOf is the case that an address names, and casePath the address of its page.
func caseOf(v *visit) exchange.CaseKey {
	return exchange.CaseKey{Partner: chi.URLParam(v.r, "partner"), Case: chi.URLParam(v.r, "case")}
}

func casePath(key exchange.CaseKey) string {
	return "/cases/" + url.PathEscape(key.Partner) + "/" + url.PathEscape(key.Case)
}

// messagePath is the address of a message's page.
func messagePath(key exchange.MessageKey) string {
	return "/messages/" + url.PathEscape(key.Partner) + "/" + string(key.Direction) + "/" + url.PathEscape(key.ID)
}

// sentPath is that of a message of ours.
func sentPath(partner, id string) string {
	return messagePath(exchange.MessageKey{Lane: exchange.Lane{Partner: partner, Direction: exchange.Out}, ID: id})
}

// reads refuses whoever has a role that sees no case.
func (v *visit) reads() error {
	if v.officer.Has(exchange.RoleOfficer, exchange.RoleSupervisor, exchange.RoleCompliance, exchange.RoleAuditor) {
		return nil
	}
	return exchange.NewProblem(exchange.ProblemForbidden, "Whoever asks sees no case.")
}

// frame is what stands around a page.
func (c *Console) frame(v *visit, title, here string, view any) frame {
	f := frame{
		Title: title, Here: here, Path: or(v.back, c.pageOf(v.r)), Language: v.s.Tag, Drafted: v.s.Or(drafted, ""), Officer: v.officer,
		Demo: c.door != nil, Now: v.now, Page: view,
	}
	if v.officer != nil {
		f.Emergency, f.Idle = mayBreakGlass(v.officer), int(c.cfg.Sessions.Idle().Minutes())
	}
	if once, ok := view.(interface{ once() bool }); ok && once.once() {
		return f // whoever chose a language would have to do without what it shows
	}
	for _, s := range c.languages.all {
		f.Languages = append(f.Languages, s.Tag)
	}
	return f
}

// show renders a page. It is rendered whole before a byte leaves, so that an
// error never comes in the middle of one.
func (c *Console) show(v *visit, status int, page, title, here string, view any) error {
	f := c.frame(v, title, here, view)
	_, failed := view.(failure) // such a page asks nothing of a store that may be gone
	var err error
	if !failed {
		if f.Left, err = c.leftOn(v); err != nil {
			return err
		}
	}
	var out bytes.Buffer
	if err = v.s.pages.render(&out, page, "frame.html", f); err != nil {
		return err
	}
	whole := out.Bytes()
	if !failed {
		if whole, err = c.signed(v, whole); err != nil {
			return err
		}
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.Header().Set("Content-Language", v.s.Tag)
	v.w.WriteHeader(status)
	_, _ = v.w.Write(whole) // the asker is gone when this fails
	return nil
}

// A failure is what the page about an error says.
type failure struct {
	Kind, Reference string
	Damage          *exchange.DamageError // what is stored is not what was recorded
	Proof           string                // the address of what still proves the message
	Emergency       bool                  // a case was asked for that may be another partner's
	Sent            *sentForm
}

// once says that the page cannot be asked for again: what was sent is on it.
func (view failure) once() bool { return view.Sent != nil }

// failed shows the page about an error. What it was in detail is logged once,
// and only when it is our fault.
func (c *Console) failed(v *visit, err error) {
	kind, status := "internal", http.StatusInternalServerError
	var problem *exchange.Problem
	damage := exchange.AsDamage(err)
	var tooLarge *http.MaxBytesError
	switch {
	case damage != nil: // before what it may be wrapped in, which asks to try again
		kind = "damaged"
	case errors.Is(err, errNoPage), errors.Is(err, exchange.ErrNotFound):
		kind, status = "not-found", http.StatusNotFound
	case errors.Is(err, errUnknownFile):
		kind, status = "unknown-file", http.StatusUnprocessableEntity
	case errors.Is(err, errNoInvitation):
		kind, status = "invitation", http.StatusGone
	case errors.Is(err, errForeignForm):
		kind, status = "foreign-form", http.StatusForbidden
	case errors.As(err, &tooLarge):
		kind, status = "too-large", http.StatusRequestEntityTooLarge
	case errors.As(err, &problem) && problem.Kind.Status < http.StatusInternalServerError:
		kind, status = "refused", problem.Kind.Status
		if v.s.has("error." + problem.Kind.Slug + ".title") {
			kind = problem.Kind.Slug
		}
	case errors.Is(err, exchange.ErrUnavailable):
		kind, status = "unavailable", http.StatusServiceUnavailable
	}
	view := failure{Kind: kind, Damage: damage}
	if kind == "unavailable" {
		view.Sent = c.sentForm(v)
	}
	view.Emergency = kind == "not-found" && strings.HasPrefix(v.r.URL.Path, "/cases/") && v.officer != nil && mayBreakGlass(v.officer)
	if proof := v.r.URL.EscapedPath() + "/proof"; damage != nil && c.router.Match(chi.NewRouteContext(), http.MethodGet, proof) {
		view.Proof = proof
	}
	if damage != nil {
		view.Reference = exchange.NewID()
		c.cfg.Logger.Error(exchange.Damaged, "method", v.r.Method, "reference", view.Reference, "index", damage.Index, "error", err)
	} else if status >= http.StatusInternalServerError {
		view.Reference = exchange.NewID()
		c.cfg.Logger.Error("a page could not be shown", "method", v.r.Method, "reference", view.Reference, "error", err)
	}
	if err := c.show(v, status, "error", v.s.T("error."+kind+".title"), "", view); err != nil {
		c.cfg.Logger.Error("the error's page could not be shown", "error", err)
	}
}
