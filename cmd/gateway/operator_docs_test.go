package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"

	"github.com/repatriation-exchange/gateway/docs"
	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/operator"
	"github.com/repatriation-exchange/gateway/partners"
)

// Every path of the operator API is in openapi.yaml and the other way round,
// and every answer of the real handlers is one that it describes.
func TestOpenAPIDescribesTheOperatorAPI(t *testing.T) {
	document, err := libopenapi.NewDocument(docs.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	v, errs := validator.NewValidator(document)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if ok, problems := v.ValidateDocument(); !ok {
		t.Fatalf("openapi.yaml is not OpenAPI 3.1: %v", problems)
	}
	h := &house{pair: newPair(t, ""), t: t, address: reserve(t)}
	var mu sync.Mutex
	seen := map[string]bool{}
	h.wrap = func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			sent, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			r.Body = io.NopCloser(bytes.NewReader(sent))
			answer := httptest.NewRecorder()
			next.ServeHTTP(answer, r)
			response := answer.Result()
			mu.Lock()
			defer mu.Unlock()
			if !strings.HasPrefix(r.URL.Path, "/v2/") && response.StatusCode != http.StatusMethodNotAllowed {
				r.Body = io.NopCloser(bytes.NewReader(sent))
				if ok, problems := v.ValidateHttpResponse(r, response); !ok {
					t.Errorf("%s %s: %d %s: %+v", r.Method, r.URL.Path, response.StatusCode, answer.Body, problems[0])
				}
				if response.StatusCode < 300 && !strings.HasPrefix(r.URL.Path, "/openapi") {
					r.Body = io.NopCloser(bytes.NewReader(sent))
					if ok, problems := v.ValidateHttpRequest(r); !ok {
						t.Errorf("%s %s is taken, and not as it is described: %+v", r.Method, r.URL, problems[0])
					}
				}
				seen[fmt.Sprintf("%d", response.StatusCode)] = true
			}
			for name, values := range answer.Header() {
				w.Header()[name] = values
			}
			w.WriteHeader(answer.Code)
			_, _ = w.Write(answer.Body.Bytes())
		})
	}
	h.configure(func(c *Config) {
		c.Operator = &OperatorConfig{Listen: h.address, TLS: OperatorTLSConfig{Certificate: "tls.pem", Key: "tls.key", ClientAnchors: h.vn.world.anchor()}}
		c.Operator.OIDC = &OIDCConfig{Issuer: "http://127.0.0.1:1", Audience: "nobody answers there"}
	})
	t.Cleanup(func() { h.stop() })
	h.walk()

	described := []string{"GET /openapi.yaml"}
	model, err := document.BuildV3Model()
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range model.Model.Paths.PathItems.FromOldest() {
		for method, operation := range item.GetOperations().FromOldest() {
			if slices.Contains(operation.Tags, "operator") {
				described = append(described, strings.ToUpper(method)+" "+path)
			}
		}
	}
	server, err := operator.New(operator.Config{
		Self: "VN", Desk: h.vn.node.desk, Files: h.vn.node.files, Feed: h.vn.node.feed, Register: h.vn.node.register, Catalogue: h.vn.node.catalogue,
		Caller: func(*http.Request) (*exchange.Officer, error) { return nil, nil }, OpenAPI: docs.OpenAPI, Clock: h.vn.node.now, Logger: h.vn.node.log, Metrics: &operator.Metrics{},
	})
	if err != nil {
		t.Fatal(err)
	}
	served := server.Routes()
	slices.Sort(described)
	slices.Sort(served)
	if !slices.Equal(described, served) {
		t.Errorf("described\n%s\nserved\n%s", strings.Join(described, "\n"), strings.Join(served, "\n"))
	}
	for _, status := range []string{"200", "201", "400", "401", "403", "404", "409", "410", "413", "415", "422", "429", "500", "503"} {
		if !seen[status] {
			t.Errorf("%s is described and was never given", status)
		}
	}
}

// walk calls everything, in good ways and bad ones.
func (h *house) walk() {
	t := h.t
	mai, second, fast := h.officer("mai", police), h.officer("second"), h.officer("fast")
	caseID, confirmation := h.confirmed()
	l := h.life(t)
	asked := l.told(exchange.TypeIdentityRequest, asked(""))
	correction := `{"target":"` + asked + `","revision":1,"reason":"` + firstCode(t, "correction-reasons") + `","changes":[{"op":"replace","pointer":"/subjects/0/sex","value":"male"}]}`
	l.told(exchange.TypeCorrection, correction)
	draft := mai.submit(homeward(caseID, confirmation, ""))
	body := homeward(caseID, confirmation, "")
	body["safeguards"] = []exchange.Safeguard{{Kind: partners.SafeguardRefoulement, On: "2026-11-20", Reference: "file 7"}}
	read[operator.DraftView](t, mai.ask(call{method: http.MethodPut, path: "/v1/drafts/" + draft.ID, body: body, header: map[string]string{"If-Match": `"1"`}}), 200)
	question := mai.submit(map[string]any{"partner": "KH", "type": exchange.TypeInformationRequest, "recipient": "KH-NCCT", "body": json.RawMessage(policeQuestion)})
	mai.ask(call{method: http.MethodDelete, path: "/v1/drafts/" + question.ID, header: map[string]string{"If-Match": `"1"`, "Access-Reason": "by mistake"}})
	mai.releases(draft.ID)
	second.releases(draft.ID)
	reason := map[string]string{"Access-Reason": "to look at it"}
	pages := []string{
		"/v1/me", "/v1/drafts", "/v1/drafts?partner=KH&limit=1&state=released", "/v1/drafts/" + draft.ID, "/v1/cases", "/v1/cases?limit=1&order=due&kind=return&turn=us&state=OPENED&due_before=2027-01-01T00:00:00Z",
		"/v1/cases/KH/" + caseID, "/v1/cases/KH/" + l.id, "/v1/cases/KH/" + l.id + "/timeline?limit=1", "/v1/cases/KH/" + caseID + "/timeline", "/v1/messages",
		"/v1/messages?limit=1&direction=in&since=2026-01-01T00:00:00Z", "/v1/messages/KH/in/" + asked, "/v1/events", "/v1/events?after=latest", "/v1/events?limit=1&after=VN-1",
		"/v1/catalogue", "/v1/catalogue/" + exchange.TypeReturnRequest, "/v1/codes/border-gates", "/openapi.yaml",
		"/v1/cases/KH/no-such-case", "/v1/drafts/no-such-draft", "/v1/messages/KH/in/no-such-message", "/v1/catalogue/nothing", "/v1/codes/nothing", "/v1/cases?x=1", "/v2/nothing",
	}
	for _, path := range pages {
		mai.ask(call{method: http.MethodGet, path: path})
		if strings.Contains(path, "drafts/") || strings.Contains(path, "messages/") {
			mai.ask(call{method: http.MethodGet, path: path, header: reason})
		}
	}
	person := "/v1/cases/KH/" + l.id + "/persons/S-1"
	with := "?partner=KH&case=" + caseID + "&subject_ref=S-1"
	eventually(t, "a duplicate is found", func() bool {
		h.vn.node.registrant.Wake()
		return strings.Contains(string(mai.ask(call{method: http.MethodGet, path: person + "/duplicates"}).body), caseID)
	})
	mai.ask(call{method: http.MethodGet, path: "/v1/cases/KH/" + caseID + "/links"})
	mai.ask(call{method: http.MethodGet, path: person + "/comparison" + with, header: reason})
	mai.ask(call{method: http.MethodGet, path: person + "/comparison" + with}) // 400
	mai.ask(call{method: http.MethodGet, path: "/v1/cases/KH/" + l.id + "/persons/S-9/duplicates"})
	mai.ask(call{method: http.MethodPost, path: "/v1/cases/KH/" + l.id + "/erasure", header: reason}) // 409
	hands := func(body any) {
		mai.ask(call{method: http.MethodPut, path: "/v1/cases/KH/" + l.id + "/officers", body: body})
	}
	hands(map[string]any{"officers": []string{"nobody"}}) // 403
	hands(map[string]any{})                               // 400
	hands(map[string]any{"officers": []string{"mai"}})
	mai.ask(call{method: http.MethodGet, path: "/v1/cases?officer=mai"})
	mai.ask(call{method: http.MethodGet, path: "/v1/cases/KH/" + l.id + "/timeline"})
	hands(map[string]any{"officers": []string{}})
	h.ask(h.calls(), call{method: http.MethodGet, path: "/v1/me"})
	post := func(body any, header map[string]string) {
		mai.ask(call{method: http.MethodPost, path: "/v1/drafts", body: body, header: header})
	}
	post(map[string]any{"partner": "KH", "type": exchange.TypeReturnRequest, "body": map[string]any{}}, nil) // 422
	post(map[string]any{"partner": "KH", "type": exchange.TypeSupport, "case": caseID, "body": map[string]any{}}, nil)
	post(map[string]any{"partner": "LA", "type": exchange.TypeReturnRequest, "body": map[string]any{}}, nil)                                                                         // 403
	post(homeward(exchange.NewID(), confirmation, refoulementChecked), nil)                                                                                                          // 409
	post(map[string]any{"partner": "KH", "type": exchange.TypeIdentityRequest, "body": json.RawMessage(`{}`), "safeguards": []map[string]string{{"kind": "x", "on": "today"}}}, nil) // 422
	post(map[string]any{"x": 1}, nil)
	post(map[string]any{"body": strings.Repeat("x", 1<<20)}, nil)
	post(map[string]any{}, map[string]string{"Content-Type": "text/plain"})
	mai.handIn(draft.ID, []byte("yes"))
	h.officer("lao", func(o *exchange.Officer) { o.Partners = []string{"LA"} }).ask(call{method: http.MethodPost, path: "/v1/drafts", body: body})
	var hurry sync.WaitGroup // faster than the limit, also where the race detector slows everything down
	for range 8 {
		hurry.Go(func() {
			for range 60 {
				fast.ask(call{method: http.MethodGet, path: "/v1/me"})
			}
		})
	}
	hurry.Wait()
	if err := h.vn.erase(t.Context(), exchange.CaseKey{Partner: "KH", Case: l.id}); err != nil {
		t.Fatal(err)
	}
	mai.ask(call{method: http.MethodGet, path: "/v1/cases/KH/" + l.id})
	mai.ask(call{method: http.MethodGet, path: "/v1/cases/KH/" + l.id + "/timeline"})
	mai.ask(call{method: http.MethodGet, path: "/v1/messages/KH/in/" + asked, header: reason})
	h.ask(h.calls(), bearer("eyJhbGciOiJFUzI1NiJ9.e30.AA")) // 503
	h.vn.node.db.Close()
	mai.ask(call{method: http.MethodGet, path: "/v1/cases"}) // 500
}

// The tables of events and of the operator API's problems in operating.md are
// the program's own.
func TestOperatorTablesAreDocumented(t *testing.T) {
	manual := readDoc(t, "../../docs/operating.md")
	if table := between(t, manual, "<!-- events -->\n", "<!-- /events -->"); table != exchange.EventTable() {
		t.Errorf("operating.md has\n%s\nthe program\n%s", table, exchange.EventTable())
	}
	var documented, real []string
	row := regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| (\\d+) \\| (yes|no) \\|")
	for _, m := range row.FindAllStringSubmatch(between(t, manual, "<!-- operator problems -->\n", "<!-- /operator problems -->"), -1) {
		documented = append(documented, strings.Join(m[1:], " "))
	}
	for _, k := range exchange.OperatorProblemKinds() {
		retry := "no"
		if k.Retry {
			retry = "yes"
		}
		real = append(real, fmt.Sprintf("%s %d %s", k.Slug, k.Status, retry))
	}
	if !slices.Equal(documented, real) {
		t.Errorf("operating.md has\n%s\nthe program\n%s", strings.Join(documented, "\n"), strings.Join(real, "\n"))
	}
}
