package exchange

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What a partner writes into a problem document reaches logs, attempts and the
// record only where it is ours: a slug, a rule, a place of what we sent.
func TestPartnerProblem(t *testing.T) {
	sent := []byte("e30." + encode([]byte(`{"iss":"VN","body":{"subjects":[{"sex":"female"},{"sex":"male"}]}}`)) + ".c2ln")
	for name, c := range map[string]struct {
		contentType string
		doc         map[string]any
		want        PartnerProblem
	}{
		"as it should be": {MediaTypeProblem, map[string]any{"type": ProblemTypePrefix + "schema-violation", "status": 422, "rule": "enum", "pointer": "/body/subjects/1/sex", "title": "Nguyen"},
			PartnerProblem{422, "schema-violation", "enum", "/body/subjects/1/sex"}},
		"a rule of the wire":        {MediaTypeProblem, map[string]any{"type": ProblemTypePrefix + "case-state", "rule": "reply-unknown"}, PartnerProblem{422, "case-state", "reply-unknown", ""}},
		"a name for a rule":         {MediaTypeProblem, map[string]any{"type": ProblemTypePrefix + "case-state", "rule": "Nguyen-Thi-Mau"}, PartnerProblem{422, "case-state", "", ""}},
		"a name in lower case":      {MediaTypeProblem, map[string]any{"type": ProblemTypePrefix + "case-state", "rule": "nguyen-thi-mau"}, PartnerProblem{422, "case-state", "", ""}},
		"a name in a pointer":       {MediaTypeProblem, map[string]any{"type": ProblemTypePrefix + "case-state", "pointer": "/body/Nguyen-Thi-Mau"}, PartnerProblem{422, "case-state", "", ""}},
		"an index that is a number": {MediaTypeProblem, map[string]any{"type": ProblemTypePrefix + "case-state", "pointer": "/body/subjects/0987654321"}, PartnerProblem{422, "case-state", "", ""}},
		"a place below a value":     {MediaTypeProblem, map[string]any{"type": ProblemTypePrefix + "case-state", "pointer": "/iss/VN"}, PartnerProblem{422, "case-state", "", ""}},
		"the whole":                 {MediaTypeProblem, map[string]any{"type": ProblemTypePrefix + "case-state", "pointer": ""}, PartnerProblem{422, "case-state", "", ""}},
		"a slug of their own":       {MediaTypeProblem, map[string]any{"type": ProblemTypePrefix + "nguyen", "rule": "enum"}, PartnerProblem{422, "", "", ""}},
		"no problem document":       {"text/html", map[string]any{"type": ProblemTypePrefix + "case-state", "rule": "enum"}, PartnerProblem{422, "", "", ""}},
		"of another form":           {MediaTypeProblem, map[string]any{"type": ProblemTypePrefix + "case-state", "rule": []string{"enum"}}, PartnerProblem{422, "", "", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			body, err := json.Marshal(c.doc)
			if err != nil {
				t.Fatal(err)
			}
			got := parsePartnerProblem(422, c.contentType, body, sent)
			if *got != c.want {
				t.Errorf("got %+v, want %+v", *got, c.want)
			}
			if strings.Contains(strings.ToLower(got.Error()), "nguyen") {
				t.Errorf("it says %q", got.Error())
			}
		})
	}
}

// Every rule that the code decides by and docs/wire.md names is in the list, and
// nothing is in it that neither knows.
func TestRulesAreTheCodes(t *testing.T) {
	wire, err := os.ReadFile("../docs/wire.md")
	if err != nil {
		t.Fatal(err)
	}
	decided := regexp.MustCompile(`(?:\.rule\(|lacks\([a-z]+, |Refusal\{)"([a-z][a-z-]+)"`)
	found := map[string]bool{}
	for _, dir := range []string{".", "../partners"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range decided.FindAllSubmatch(text, -1) {
				found[string(m[1])] = true
			}
		}
	}
	if len(found) < 30 {
		t.Fatalf("only %d rules are found in the code", len(found))
	}
	for rule := range found {
		if bytes.Contains(wire, []byte("`"+rule+"`")) && !KnownRule(rule) {
			t.Errorf("%s is not in the list of rules", rule)
		}
	}
	for rule := range rules {
		if strings.Contains(rule, "-") && !strings.HasPrefix(rule, "jws-") && !found[rule] && !bytes.Contains(wire, []byte("`"+rule+"`")) {
			t.Errorf("%s is in the list, and nothing decides by it", rule)
		}
	}
}
