package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"

	"github.com/repatriation-exchange/gateway/docs"
	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/partners"
)

var update = flag.Bool("update", false, "rewrite the generated parts of the documents")

func readDoc(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// Every answer of the real handlers is one that openapi.yaml describes, and
// every status that it describes for a message is really given.
func TestOpenAPIDescribesTheHandlers(t *testing.T) {
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
	p := newPair(t, "")
	var mu sync.Mutex
	seen := map[int]bool{}
	p.vn.behave(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := httptest.NewRecorder()
			next.ServeHTTP(answer, r)
			response := answer.Result()
			mu.Lock()
			if r.URL.Path == "/v1/messages" {
				seen[response.StatusCode] = true
			}
			// What is not in the document has no description to be checked by.
			if response.StatusCode != http.StatusNotFound && response.StatusCode != http.StatusMethodNotAllowed || strings.HasPrefix(r.URL.Path, "/v1/log/") {
				if ok, problems := v.ValidateHttpResponse(r, response); !ok {
					t.Errorf("%s %s: %d %s: %v", r.Method, r.URL.Path, response.StatusCode, answer.Body, problems)
				}
			}
			mu.Unlock()
			for name, values := range answer.Header() {
				w.Header()[name] = values
			}
			w.WriteHeader(answer.Code)
			_, _ = w.Write(answer.Body.Bytes())
		})
	})
	for _, path := range []string{"/v1/log/checkpoint", "/v1/log/tile/0/000.p/3"} { // an empty log
		get(t, p, path)
	}
	for _, r := range refusals {
		p.kh.post(p.vn, r.message(p.kh))
	}
	claims := p.kh.claims("VN")
	good := p.kh.sign(claims)
	p.kh.post(p.vn, good)
	p.kh.post(p.vn, p.kh.sign(claims)) // 409
	for _, path := range []string{"/v1/log/checkpoint", "/v1/log/tile/0/000.p/3", "/v1/log/tile/0/x000/000", "/openapi.yaml"} {
		get(t, p, path)
	}
	req, err := http.NewRequest(http.MethodPost, "https://"+p.vn.listen+"/v1/messages", bytes.NewReader(good))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.kh.do(req); err != nil { // 415
		t.Fatal(err)
	}
	p.kh.post(p.vn, make([]byte, 1<<20+1)) // 413
	if err := p.vn.erase(t.Context(), exchange.CaseKey{Partner: "KH", Case: claims.Case}); err != nil {
		t.Fatal(err)
	}
	p.kh.post(p.vn, good) // 410
	for _, path := range []string{"/v1/log/add-checkpoint"} {
		req, err := http.NewRequest(http.MethodPost, "https://"+p.vn.listen+path, strings.NewReader("old 0\n\nnonsense"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.kh.do(req); err != nil {
			t.Fatal(err)
		}
	}
	p.vn.editPartner("kh", func(k *partners.Partner) { one := 1; k.RawLimits.Burst = &one })
	p.vn.reload()
	for range 50 { // a busy machine is slow enough for some of them
		if p.kh.post(p.vn, good).status == http.StatusTooManyRequests {
			break
		}
	}
	p.vn.editPartner("kh", func(k *partners.Partner) { k.RawLimits.Burst = nil })
	p.vn.reload()
	p.vn.node.db.Close()
	eventually(t, "503 when the store is away", func() bool {
		return p.kh.post(p.vn, p.kh.sign(p.kh.claims("VN"))).status == http.StatusServiceUnavailable
	})
	mu.Lock()
	defer mu.Unlock()
	for _, status := range []int{202, 400, 403, 409, 410, 413, 415, 422, 429, 503} {
		if !seen[status] {
			t.Errorf("%d is described for a message and was never given", status)
		}
	}
}

func get(t testing.TB, p *pair, path string) reply {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, "https://"+p.vn.listen+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.kh.do(req)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The table of problems in wire.md, and the list in openapi.yaml, are the
// program's own.
func TestProblemsAreDocumented(t *testing.T) {
	wire := readDoc(t, "../../docs/wire.md")
	table := between(t, wire, "<!-- problems -->\n", "<!-- /problems -->")
	row := regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| (\\d+) \\| (yes|no) \\|")
	var documented, real []string
	for _, m := range row.FindAllStringSubmatch(table, -1) {
		documented = append(documented, strings.Join(m[1:], " "))
	}
	for _, k := range exchange.ProblemKinds() {
		retry := "no"
		if k.Retry {
			retry = "yes"
		}
		real = append(real, fmt.Sprintf("%s %d %s", k.Slug, k.Status, retry))
		if !bytes.Contains(docs.OpenAPI, []byte(exchange.ProblemTypePrefix+k.Slug+"\n")) {
			t.Errorf("openapi.yaml does not name %s", k.Slug)
		}
	}
	for _, k := range exchange.OperatorProblemKinds() {
		if !bytes.Contains(docs.OpenAPI, []byte(exchange.ProblemTypePrefix+k.Slug+"\n")) {
			t.Errorf("openapi.yaml does not name %s", k.Slug)
		}
	}
	slices.Sort(documented)
	slices.Sort(real)
	if !slices.Equal(documented, real) {
		t.Errorf("wire.md has\n%s\nthe program\n%s", strings.Join(documented, "\n"), strings.Join(real, "\n"))
	}
	inOpenAPI := regexp.MustCompile(`(?m)^ +- `+exchange.ProblemTypePrefix+`([a-z-]+)$`).FindAllSubmatch(docs.OpenAPI, -1)
	for _, m := range inOpenAPI {
		known := append(exchange.ProblemKinds(), exchange.OperatorProblemKinds()...)
		if !slices.ContainsFunc(known, func(k exchange.ProblemKind) bool { return k.Slug == string(m[1]) }) {
			t.Errorf("openapi.yaml names %s, which nothing answers", m[1])
		}
	}
}

// The table of cases in wire.md is the program's own.
func TestCasesAreDocumented(t *testing.T) {
	wire := readDoc(t, "../../docs/wire.md")
	if table := between(t, wire, "<!-- cases -->\n", "<!-- /cases -->"); table != exchange.CatalogueTable() {
		t.Errorf("wire.md has\n%s\nthe program\n%s", table, exchange.CatalogueTable())
	}
}

func between(t testing.TB, text, begin, end string) string {
	t.Helper()
	_, rest, ok1 := strings.Cut(text, begin)
	inside, _, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("no %q", begin)
	}
	return inside
}

// An example block of wire.md.
func block(t testing.TB, text, name string) string {
	t.Helper()
	inside := between(t, text, "<!-- example:"+name+" -->\n", "<!-- /example -->")
	lines := strings.Split(strings.TrimSuffix(inside, "\n"), "\n")
	return strings.Join(lines[1:len(lines)-1], "\n")
}

func setBlock(text, name, content string) string {
	begin := "<!-- example:" + name + " -->\n"
	before, rest, _ := strings.Cut(text, begin)
	fence, rest, _ := strings.Cut(rest, "\n")
	_, after, _ := strings.Cut(rest, "<!-- /example -->")
	return before + begin + fence + "\n" + strings.TrimSuffix(content, "\n") + "\n```\n<!-- /example -->" + after
}

func indented(t testing.TB, compact []byte) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, compact, "", "  "); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The examples of wire.md hold: their signatures, hashes and proofs verify
// with the keys that are printed there, by the code that partners meet.
func TestWireExamples(t *testing.T) {
	const path = "../../docs/wire.md"
	if *update {
		writeWireExamples(t, path)
	}
	wire := readDoc(t, path)
	message := []byte(block(t, wire, "message-compact"))
	peer := func(code, jwk, origin, vkey string) *exchange.Peer {
		var key partners.JWK
		if err := json.Unmarshal([]byte(block(t, wire, jwk)), &key); err != nil {
			t.Fatal(err)
		}
		partner := &partners.Partner{Code: code, SigningKeys: []partners.SigningKey{{JWK: key}}, Limits: partners.Limits{MaxBodyBytes: 1 << 20}}
		if vkey != "" {
			partner.Log = &partners.Log{Origin: origin, VKey: vkey}
		}
		made, err := exchange.NewPeer(partner, nil)
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	verified, err := exchange.Open(peer("KH", "sender-jwk", "", ""), message)
	if err != nil {
		t.Fatal(err)
	}
	if indented(t, verified.Payload()) != block(t, wire, "message-claims") {
		t.Error("the claims are not the message's")
	}
	header, _, _ := strings.Cut(string(message), ".")
	if decoded := decodePart(t, header); string(decoded) != block(t, wire, "message-header") {
		t.Errorf("the header is %s", decoded)
	}
	vkey := block(t, wire, "log-key")
	origin, _, _ := strings.Cut(vkey, "+")
	raw := []byte(block(t, wire, "receipt-compact"))
	payload, err := exchange.PayloadOf(raw)
	if err != nil {
		t.Fatal(err)
	}
	arrived := time.Unix(claimsIn(t, raw).IssuedAt, 0)
	receipt, err := exchange.OpenReceipt(raw, peer("VN", "receiver-jwk", origin, vkey), "KH", claimsIn(t, message).ID, message, arrived)
	if err != nil {
		t.Fatal(err)
	}
	if indented(t, payload) != block(t, wire, "receipt-claims") {
		t.Error("the receipt's claims are not the receipt's")
	}
	var c struct{ Leaf, Proof string }
	if err := json.Unmarshal(payload, &c); err != nil {
		t.Fatal(err)
	}
	if string(decodePart(t, c.Leaf)) != block(t, wire, "receipt-leaf") || strings.TrimSuffix(c.Proof, "\n") != block(t, wire, "receipt-proof") {
		t.Error("leaf or proof are not the receipt's")
	}
	if receipt.Index != 2 {
		t.Errorf("the example's index is %d; one with a proof is wanted", receipt.Index)
	}
	var problem map[string]any
	if err := json.Unmarshal([]byte(block(t, wire, "problem")), &problem); err != nil || problem["type"] != exchange.ProblemTypePrefix+"schema-violation" {
		t.Errorf("the problem is %v (%v)", problem, err)
	}
}

func decodePart(t testing.TB, part string) []byte {
	t.Helper()
	out, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// writeWireExamples makes the examples by a real exchange.
func writeWireExamples(t *testing.T, path string) {
	p := newPair(t, "")
	small := json.RawMessage(`{"subjects":[{"subject_ref":"S-1","name":{"native":"Nguyễn Thị Mẫu","script":"Latn","language":"vi","latin":"Nguyen Thi Mau"},"sex":"female","date_of_birth":"1998-05~","claimed_birthplace":{"country":"VN","text_as_given":"Tiền Giang"},"claimed_citizenship":"VN"}]}`)
	var message []byte
	var answer reply
	for range 3 { // so that the proof holds hashes
		c := p.kh.claims("VN")
		c.Body = small
		message = p.kh.sign(c)
		answer = p.kh.post(p.vn, message)
	}
	raw := answer.body
	payload, err := exchange.PayloadOf(raw)
	if err != nil {
		t.Fatal(err)
	}
	var c struct{ Leaf, Proof string }
	if err := json.Unmarshal(payload, &c); err != nil {
		t.Fatal(err)
	}
	claims, err := exchange.PayloadOf(message)
	if err != nil {
		t.Fatal(err)
	}
	header, _, _ := strings.Cut(string(message), ".")
	bad := p.kh.post(p.vn, bodyWith(func(s map[string]any) { s["sex"] = "F"; delete(s, "claimed_citizenship") })(p.kh))
	wire := readDoc(t, path)
	for name, text := range map[string]string{
		"sender-jwk": string(p.kh.signer().Public().JWK()), "receiver-jwk": string(p.vn.signer().Public().JWK()),
		"log-key": p.vn.node.logSigner.VerifierKey(), "message-header": string(decodePart(t, header)), "message-claims": indented(t, claims),
		"message-compact": string(message), "receipt-compact": string(raw), "receipt-claims": indented(t, payload),
		"receipt-leaf": string(decodePart(t, c.Leaf)), "receipt-proof": c.Proof, "problem": indented(t, bad.body),
	} {
		wire = setBlock(wire, name, text)
	}
	if err := os.WriteFile(path, []byte(wire), 0o600); err != nil {
		t.Fatal(err)
	}
}

// P11: the README names, for each store, whether it is trusted.
func TestP11ReadmeNamesEveryStore(t *testing.T) {
	readme := readDoc(t, "../../README.md")
	for _, store := range []string{"PostgreSQL", "SQLite"} {
		if !regexp.MustCompile(`(?m)^\| ` + store + `[^|]*\|.*[Tt]rusted`).MatchString(readme) {
			t.Errorf("the README's table does not say whether %s is trusted", store)
		}
	}
}

// What each package may import from us. A row that is missing, or an import
// that is not in its row, fails.
var imports = map[string][]string{
	"schemas": {}, "certs": {}, "docs": {}, "exchange/seal": {}, "exchange/record": {}, "cmd/verify": {}, "exchange/store/throwaway": {},
	"partners":          {"schemas"},
	"exchange":          {"schemas", "partners", "exchange/seal", "exchange/record", "exchange/identity"},
	"exchange/identity": {"schemas"},
	"exchange/export":   {"schemas", "exchange", "partners", "exchange/record"},
	"exchange/store":    {"exchange", "partners", "exchange/record", "exchange/identity"},
	"exchange/operator": {"schemas", "partners", "exchange", "exchange/identity"},
	"exchange/console":  {"schemas", "partners", "exchange", "exchange/export", "exchange/identity"},
	"cmd/gateway": {"schemas", "certs", "docs", "partners", "exchange", "exchange/seal", "exchange/record", "exchange/export",
		"exchange/identity", "exchange/operator", "exchange/console", "exchange/store", "exchange/store/throwaway"},
}

func TestImportTable(t *testing.T) {
	const module = "github.com/repatriation-exchange/gateway/"
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "../../...").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		pkg := strings.TrimPrefix(fields[0], module)
		allowed, listed := imports[pkg]
		if !listed {
			t.Errorf("%s is not in the table", pkg)
			continue
		}
		seen++
		for _, imported := range fields[1:] {
			if ours, ok := strings.CutPrefix(imported, module); ok && !slices.Contains(allowed, ours) {
				t.Errorf("%s may not import %s", pkg, ours)
			}
			// The fixed libraries stay in their rooms.
			for library, room := range map[string]string{"github.com/lestrrat-go/jwx": "exchange/seal", "github.com/santhosh-tekuri/jsonschema": "schemas"} {
				if strings.HasPrefix(imported, library) && pkg != room {
					t.Errorf("%s imports %s, which belongs to %s", pkg, library, room)
				}
			}
		}
	}
	if seen != len(imports) {
		t.Errorf("%d packages of %d", seen, len(imports))
	}
}
