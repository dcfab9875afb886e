package console

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/partners"
)

// A fix is what a form knows of the message of ours that it corrects. Its fields
// are those of that message; the correction is what they come to differ in.
type fix struct {
	claims    exchange.Claims
	permit    *partners.Permit // the terms that the message was sent on
	before    any              // as it stands, without what the officer has not seen
	masked    []string         // places of it that are hidden without a reason
	shown     []string         // those that this form was shown
	revisions int
	minors    []string
}

// takeUpTarget prepares a form that corrects a message of ours.
func (c *Console) takeUpTarget(v *visit, p *pen) error {
	seen, err := c.cfg.Sight.Corrects(v.r.Context(), v.officer, &p.Form, exchange.Reveal{})
	if err != nil {
		return err
	}
	if p.fix, err = c.fixOf(p.Partner, seen); err != nil {
		return err
	}
	p.typed = newTyped(c.cfg.Catalogue, p.fix.claims.Type, p.typed.values, c.cfg.Zone)
	return nil
}

func (c *Console) fixOf(partner string, seen exchange.SeenMessage) (*fix, error) {
	last := seen.Last()
	permit, err := c.cfg.Desk.TargetTerms(partner, last.Claims)
	if err != nil {
		return nil, err
	}
	return &fix{last.Claims, permit, last.Body, seen.Hidden, seen.Shown, len(seen.Versions), seen.Minors}, nil
}

// about is the type whose fields a form has.
func (p *pen) about() string {
	if p.fix != nil {
		return p.fix.claims.Type
	}
	return p.Type
}

// rules are what the agreement says of each field. Of a message that is corrected,
// what was withheld stays so: a correction does not add it.
func (p *pen) rules() map[string]string {
	if p.fix == nil {
		permit := p.term().Permit
		out := rulesOf(permit)
		for _, rule := range permit.Fields {
			if isGuard(rule) && p.typed.states(rule.Pointer) { // written by a program, or before
				out[rule.Pointer] = rule.Rule
			}
		}
		return out
	}
	out := rulesOf(p.fix.permit)
	for pointer, rule := range out {
		if rule == partners.RuleRedact {
			out[pointer] = partners.RuleForbid
		}
	}
	return out
}

// barred are the fields that the agreement withholds of a minor, and the places of the
// minors of a message that is corrected.
func (p *pen) barred() (fields, young []string) {
	for i := range p.number("/subjects") {
		at := "/subjects/" + strconv.Itoa(i)
		if slices.Contains(p.fix.minors, p.text(at+"/subject_ref")) {
			young = append(young, at)
		}
	}
	return barredOf(p.fix.permit), young
}

// barredOf are the fields that an agreement withholds of a minor.
func barredOf(permit *partners.Permit) (out []string) {
	if permit.Minors == nil {
		return nil
	}
	for _, rule := range permit.Minors.Fields {
		if rule.Rule == partners.RuleRedact || rule.Rule == partners.RuleForbid {
			out = append(out, rule.Pointer)
		}
	}
	return out
}

// safeguardKinds are those that the agreement asks for: of a correction, also
// those of its target. What was recorded besides is not lost.
func (p *pen) safeguardKinds() []string {
	out := slices.Clone(p.term().Permit.Safeguards)
	add := func(kind string) {
		if !slices.Contains(out, kind) {
			out = append(out, kind)
		}
	}
	if p.fix != nil {
		for _, kind := range p.fix.permit.Safeguards {
			add(kind)
		}
	}
	for _, kind := range exchange.SafeguardKinds() {
		if p.records(kind) {
			add(kind)
		}
	}
	return out
}

// anew are the hidden places that the officer writes anew without a look at them.
func (p *pen) anew() []string {
	return slices.DeleteFunc(slices.Clone(p.fix.masked), func(at string) bool {
		return slices.Contains(p.fix.shown, at) || !slices.Contains(p.typed.values[".anew"], at)
	})
}

// kept are the places that stay as they are because the officer does not see them.
func (p *pen) kept() []string {
	return slices.DeleteFunc(slices.Clone(p.fix.masked), func(at string) bool {
		return slices.Contains(p.fix.shown, at) || slices.Contains(p.typed.values[".anew"], at)
	})
}

// openTarget fills a correction's form with its target as it stands.
func (p *pen) openTarget() {
	p.typed.fill(p.fix.before)
	p.typed.values.Set(".revision", strconv.Itoa(p.fix.revisions))
}

// showTarget shows what an officer chose of the message that they correct, for a
// reason. What they had typed in these places makes room for what stands there.
func (c *Console) showTarget(v *visit, p *pen, all bool) error {
	want := exchange.Reveal{Reason: strings.TrimSpace(v.r.PostFormValue("why")), Fields: v.r.PostForm["field"]}
	if all {
		want.Fields = p.kept()
	}
	places := want.Fields
	if all && len(places) == len(p.fix.masked) && len(places) > 0 { // recorded as on the page of that message
		want.Fields = []string{""}
	}
	if len(want.Fields) == 0 { // an empty form is not a plain visit
		want.Fields, want.Reason = []string{}, or(want.Reason, " ")
	}
	if p.moved() { // it is compared first
		return nil
	}
	seen, err := c.cfg.Sight.Corrects(v.r.Context(), v.officer, &p.Form, want)
	if err != nil {
		return err
	}
	if p.fix, err = c.fixOf(p.Partner, seen); err != nil {
		return err
	}
	now := newTyped(c.cfg.Catalogue, p.fix.claims.Type, url.Values{}, c.cfg.Zone)
	now.fill(p.fix.before)
	for _, place := range places {
		p.typed.take(now, place)
		p.forget(place)
	}
	return nil
}

// writeAnew opens a hidden place to be written anew; keepAsIs closes it again.
func (p *pen) writeAnew(place string) {
	if slices.Contains(p.kept(), place) {
		p.typed.values.Add(".anew", place)
	}
}

func (p *pen) keepAsIs(place string) {
	p.typed.take(&typed{values: url.Values{}}, place)
	p.forget(place)
}

// forget takes a place out of those that are written anew.
func (p *pen) forget(place string) {
	p.typed.values[".anew"] = slices.DeleteFunc(p.typed.values[".anew"], func(at string) bool { return at == place })
}

// rewritten is what a correction's form comes to.
func (c *Console) rewritten(v *visit, p *pen) (exchange.Rewritten, error) {
	untouched := newTyped(c.cfg.Catalogue, p.about(), url.Values{}, c.cfg.Zone)
	untouched.fill(p.fix.before)
	revision, _ := strconv.Atoi(p.text(".revision")) // 0 is none of a correction
	return c.cfg.Sight.Rewrite(v.r.Context(), v.officer, p.Form, exchange.Rewriting{
		Target: p.text(".target"), Revision: revision, Reason: p.text(".reason"), Untouched: untouched.body(), Body: p.body(), Anew: p.anew(),
	})
}

// correctionOf lays out what a correction changes, and puts what its blocks say of
// it in the same words.
func (c *Console) correctionOf(v *visit, r *reading, blocks []Block, made *exchange.SeenCorrection, body any) []Difference {
	r.inWords(blocks, made, body)
	if made.Before == nil {
		return nil
	}
	return c.differencesOf(v, made.Type, made.Before, made.After, made.Changes)
}

// differencesOf lays out what a correction changes.
func (c *Console) differencesOf(v *visit, messageType string, before, after any, changes []exchange.Change) []Difference {
	r := &reading{s: v.s, catalogue: c.cfg.Catalogue}
	var out []Difference
	for _, change := range changes {
		out = append(out, r.difference(messageType, before, after, change))
	}
	return out
}

// amendTarget types a waiting correction into the form that changes it.
func (c *Console) amendTarget(v *visit, draft exchange.DraftView, form *exchange.Form, t *typed, why string) error {
	r, err := c.cfg.Sight.Rewriting(v.r.Context(), v.officer, draft, form, why)
	if err != nil {
		return err
	}
	seen, err := c.cfg.Sight.Corrects(v.r.Context(), v.officer, form, exchange.Reveal{})
	if err != nil {
		return err
	}
	t.fields = c.cfg.Catalogue.Fields(seen.Versions[0].Claims.Type)
	t.fill(r.Body)
	for name, value := range map[string]string{".target": r.Target, ".revision": strconv.Itoa(r.Revision), ".reason": r.Reason} {
		t.values.Set(name, value)
	}
	return nil
}

// differs returns the places at which two versions of a form say different things:
// what is hidden of a message as one place.
func (p *pen) differs(mine, theirs *typed) []string {
	var out []string
	for _, pointer := range mine.differs(theirs) {
		if strings.HasPrefix(pointer, ".") && !p.asks(pointer) {
			continue
		}
		if p.fix == nil || strings.HasPrefix(pointer, ".") {
			pointer = mine.whole(pointer)
		} else if covered := covering(p.fix.masked, pointer); covered != nil {
			pointer = covered[0]
		}
		if !slices.Contains(out, pointer) {
			out = append(out, pointer)
		}
	}
	return out
}

// asks says whether the form has a place for something that stands around the body:
// what has only one value is not asked for, and stands in one version or in none.
func (p *pen) asks(name string) bool {
	term := p.term()
	switch name {
	case ".agreement":
		return len(p.terms) > 1
	case ".purpose":
		return len(term.Permit.Purposes) > 1
	case ".recipient":
		return len(term.Recipients) > 0
	case ".approval":
		return term.Permit.Approval != nil
	case ".reason":
		return p.fix != nil
	}
	return strings.HasPrefix(name, safeguardAt(""))
}

// moved says whether the message was corrected since this form was begun.
func (p *pen) moved() bool {
	return p.fix != nil && p.text(".revision") != strconv.Itoa(p.fix.revisions)
}

// catchUp makes a correction's form one of the message as it stands now. Whatever
// is typed over something hidden is written anew: what stands there was not shown.
func (p *pen) catchUp() {
	if p.fix == nil {
		return
	}
	if p.moved() {
		p.typed.values.Set(".revision", strconv.Itoa(p.fix.revisions))
		p.typed.values.Del(".anew")
	}
	for _, place := range p.kept() {
		if (&layout{typed: p.typed}).touched(place) {
			p.typed.values.Add(".anew", place)
		}
	}
}

// takeAnew takes over whether another version writes a hidden place anew.
func (p *pen) takeAnew(other *typed, place string) {
	p.forget(place)
	if slices.Contains(other.values[".anew"], place) {
		p.typed.values.Add(".anew", place)
	}
}

// moved says whether a rewriting failed for that.
func moved(err error) bool {
	problem := exchange.AsProblem(err)
	return err != nil && problem.Rule == "correction-moved" && problem.Kind.Status < http.StatusInternalServerError
}
