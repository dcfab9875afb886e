package exchange

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/repatriation-exchange/gateway/exchange/identity"
)

// A SubjectKey names one person of a case.
type SubjectKey struct {
	CaseKey
	Subject string `json:"subject_ref"`
}

// A RegisterStore keeps what is computed beside the record: blind tokens of
// persons, and links between cases.
type RegisterStore interface {
	// PutPerson stores a person's tokens, in place of earlier ones.
	PutPerson(ctx context.Context, key SubjectKey, tokens []identity.Token) error
	// Candidates returns the persons who have one of the tokens, each with all
	// of its own, those who share most first, at most n.
	Candidates(ctx context.Context, tokens []identity.Token, n int) (map[SubjectKey][]identity.Token, error)
	// Forget takes a case's persons and links out.
	Forget(ctx context.Context, key CaseKey) error
	// PutLink ties a case to a link.
	PutLink(ctx context.Context, key CaseKey, link string) error
	// Linked returns the other cases of the links of a case.
	Linked(ctx context.Context, key CaseKey) ([]CaseKey, error)
}

// RegisterConfig wires a Register. Everything is required.
type RegisterConfig struct {
	Store    RegisterStore
	Files    *CaseFiles
	Index    *identity.Index
	Comparer *identity.Comparer
	Logger   *slog.Logger
}

// A Register finds persons who may be the same, in whatever case, without
// opening anybody: it follows the record and keeps keyed tokens of each person.
// It decides nothing.
type Register struct{ cfg RegisterConfig }

// NewRegister returns a register; it refuses a missing part.
func NewRegister(cfg RegisterConfig) (*Register, error) {
	if cfg.Store == nil || cfg.Files == nil || cfg.Index == nil || cfg.Comparer == nil || cfg.Logger == nil {
		return nil, errors.New("register: a required part is missing")
	}
	return &Register{cfg}, nil
}

// describes are the types that say who a person is.
var describes = []string{TypeNotice, TypeIdentityRequest, TypeSelfReturnRequest}

// Take enters one entry of the record: a follower's handler. It can be done
// again. What was altered is left out and told: whoever comes later is found all the same.
func (r *Register) Take(ctx context.Context, row Row) error {
	err := r.take(ctx, row)
	if AsDamage(err) != nil {
		r.cfg.Logger.Error(Damaged+"; nobody in it is found by a search", "partner", row.Partner, "case", row.Case, "index", row.Index, "error", err)
		return nil
	}
	return err
}

func (r *Register) take(ctx context.Context, row Row) error {
	if row.Kind == KindEvent && row.Type == caseErased {
		return r.cfg.Store.Forget(ctx, CaseKey{row.Partner, row.Case})
	}
	if row.Kind != KindMessage || kindOf(row.Type) == "" && row.Type != TypeCorrection && row.Type != TypeInformationResponse {
		return nil
	}
	key := MessageKey{Lane{row.Partner, row.Direction}, row.ID}
	if row.Type == TypeCorrection {
		v, err := r.cfg.Files.judge.read(ctx, key)
		if errors.Is(err, ErrErased) {
			return nil
		}
		if err != nil {
			return err
		}
		key.ID, _ = member(v.Body, "target").(string)
	}
	versions, err := r.cfg.Files.judge.Versions(ctx, key, row.Case)
	if errors.Is(err, ErrErased) || errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	last := versions[len(versions)-1]
	if link, _ := member(last.Body, "link").(string); link != "" {
		if err := r.cfg.Store.PutLink(ctx, CaseKey{row.Partner, row.Case}, link); err != nil {
			return err
		}
	}
	if !slices.Contains(describes, last.Claims.Type) {
		return nil
	}
	for ref, subject := range subjectsOf(last.Body) {
		p := identity.PersonOf(subject)
		if len(p.Names) == 0 { // a notice without a name describes nobody
			continue
		}
		if err := r.cfg.Store.PutPerson(ctx, SubjectKey{CaseKey{row.Partner, row.Case}, ref}, r.cfg.Index.Tokens(p)); err != nil {
			return err
		}
	}
	return nil
}

// subjectsOf returns the subjects of a body by their references.
func subjectsOf(body any) map[string]map[string]any {
	list, _ := member(body, "subjects").([]any)
	out := make(map[string]map[string]any, len(list))
	for _, element := range list {
		if subject, ok := element.(map[string]any); ok {
			ref, _ := subject["subject_ref"].(string)
			out[ref] = subject
		}
	}
	return out
}

// A Candidate is a person who may be the one that was asked about.
type Candidate struct {
	SubjectKey
	Score int `json:"score"` // 0 to 100, for sorting only
	// Why explains the score, and Row is the case as it stands now.
	Why []identity.Key `json:"-"`
	Row CaseRow        `json:"-"`
}

// maxCandidates bounds what one look returns.
const maxCandidates = 50

// Duplicates returns persons of other cases who may be this one, the likeliest
// first. Nobody is opened but the person who is asked about, of whom nothing is
// returned; cases that the officer may not see are left out. With a DamageError it
// returns whoever could be found all the same.
func (r *Register) Duplicates(ctx context.Context, by *Officer, key SubjectKey) ([]Candidate, error) {
	found, err := r.DuplicatesOf(ctx, by, key.CaseKey, []string{key.Subject}, maxCandidates)
	out, described := found[key.Subject]
	if err == nil && !described {
		err = errUndescribed
	}
	return out, err
}

// DuplicatesOf is Duplicates for several persons of one case, which is opened once:
// the n likeliest of each. Persons of whom nothing in the case says who they are are
// left out.
func (r *Register) DuplicatesOf(ctx context.Context, by *Officer, key CaseKey, refs []string, n int) (map[string][]Candidate, error) {
	book, err := r.cfg.Files.book(ctx, by, key)
	if err != nil {
		return nil, err
	}
	persons, err := r.persons(ctx, key, book, refs)
	if err != nil {
		return nil, err
	}
	out, judged := map[string][]Candidate{}, doors{}
	var damage error
	for ref, p := range persons {
		out[ref], err = r.find(ctx, by, p, SubjectKey{key, ref}, n, judged)
		switch {
		case AsDamage(err) != nil:
			damage = err
		case err != nil:
			return nil, err
		}
	}
	return out, damage
}

// doors are cases that were asked for; nil: not for this officer.
type doors map[CaseKey]*CaseRow

// find returns the n likeliest persons who may be the one described, but for the one
// that is left out. Where a case that may fit was altered, so that nobody can say whom it
// is open to, it returns the others, and a DamageError.
func (r *Register) find(ctx context.Context, by *Officer, p identity.Person, but SubjectKey, n int, opened doors) ([]Candidate, error) {
	lookup := r.cfg.Index.Lookup(p)
	found, err := r.cfg.Store.Candidates(ctx, lookup.Tokens(), 10*maxCandidates)
	if err != nil {
		return nil, err
	}
	var out []Candidate
	for key, tokens := range found {
		if score := lookup.Score(tokens); score > 0 && key != but && by.Sees(key.Partner, "") {
			out = append(out, Candidate{SubjectKey: key, Score: score})
		}
	}
	slices.SortFunc(out, func(a, b Candidate) int {
		if a.Score != b.Score {
			return b.Score - a.Score
		}
		return strings.Compare(a.Partner+"/"+a.Case+"/"+a.Subject, b.Partner+"/"+b.Case+"/"+b.Subject)
	})
	seen := out[:0]
	var damage error
	for _, c := range out { // the persons of one case are often alike
		row, judged := opened[c.CaseKey]
		if !judged {
			theirs, until, err := r.cfg.Files.door(ctx, by, c.CaseKey)
			switch {
			case AsDamage(err) != nil:
				damage = err
			case err != nil && AsProblem(err).Kind != ProblemNotFound:
				return nil, err
			}
			if err == nil && until.IsZero() && theirs.ErasedTo == 0 { // an emergency is not for searching
				row = &theirs
			}
			opened[c.CaseKey] = row
		}
		if row != nil {
			c.Row, c.Why = *row, lookup.Why(found[c.SubjectKey])
			seen = append(seen, c)
		}
		if len(seen) == n {
			break
		}
	}
	return seen, damage
}

// A Description is what an officer knows of a person who is looked for.
type Description struct {
	Name   string // as it is written, in any script
	Latin  string // in Latin letters, where the name is not
	Birth  string // EDTF, a date or a period
	Number string // of an identity card, a passport or another document
}

// person reads the description as the index does a message.
func (d Description) person() identity.Person {
	p := identity.Person{Birth: d.Birth}
	if d.Name != "" || d.Latin != "" {
		n := identity.Name{Native: d.Name, Latin: d.Latin}
		for _, text := range []*string{&n.Native, &n.Latin} {
			if zone := identity.ZoneName(*text); zone != "" {
				n.MRZ, *text = zone, ""
			}
		}
		p.Names = []identity.Name{n}
	}
	if d.Number != "" {
		p.CCCD = d.Number
		p.Documents = []identity.Document{{Number: d.Number}}
	}
	return p
}

// given names what was given, which may stand in the record: no value does.
func (d Description) given() []string {
	var out []string
	for _, field := range []struct{ name, value string }{{"name", d.Name + d.Latin}, {"date_of_birth", d.Birth}, {"number", d.Number}} {
		if field.value != "" {
			out = append(out, field.name)
		}
	}
	return out
}

// maxDescribed bounds what is looked for.
const maxDescribed = 256

// Search returns persons who may be the one described, the likeliest first, of
// the cases that the officer may see. Nobody is opened. Who looked, why and by
// which fields is in the record before anything is returned. With a DamageError it
// returns whoever could be found all the same.
func (r *Register) Search(ctx context.Context, by *Officer, d Description, reason string) ([]Candidate, error) {
	if !by.Has(RoleOfficer, RoleSupervisor) {
		return nil, forbidden("look for persons")
	}
	for _, text := range []string{d.Name, d.Latin, d.Birth, d.Number} {
		if len(text) > maxDescribed {
			return nil, problem(ProblemRequest, "A field has at most %d bytes.", maxDescribed).rule("person-long")
		}
	}
	if identity.Wide(d.Birth) {
		return nil, problem(ProblemRequest, "A birth lies between at most 5 years.").rule("person-wide")
	}
	if len(r.cfg.Index.Lookup(d.person()).Tokens()) == 0 {
		return nil, problem(ProblemRequest, "Give a name in Latin letters or Chinese characters, or a number of at least 5 characters.").rule("person-empty")
	}
	if err := recordSearch(ctx, r.cfg.Files.cfg.Recorder, by, d.given(), reason); err != nil {
		return nil, err
	}
	return r.find(ctx, by, d.person(), SubjectKey{}, maxCandidates, doors{})
}

// personRead is the type of the entry that says that a person was compared.
const personRead = "person_read"

// A Comparison is two persons side by side, and what the comparison finds.
type Comparison struct {
	Persons [2]identity.Person
	Report  identity.Report
}

// SideBySide compares two persons field by field for an officer, and shows them.
// Before that the accesses and their reason are in the record, and of nobody who is
// not there.
func (r *Register) SideBySide(ctx context.Context, by *Officer, a, b SubjectKey, reason string) (Comparison, error) {
	var out Comparison
	var accesses [2]Access
	pair := []SubjectKey{a, b}
	for i, key := range pair {
		_, until, err := r.cfg.Files.door(ctx, by, key.CaseKey)
		if err != nil {
			return Comparison{}, err
		}
		if !by.Has(RoleOfficer, RoleSupervisor, RoleSystem) {
			return Comparison{}, forbidden("compare persons")
		}
		accesses[i] = Access{Officer: by.ID, Reason: reason, Partner: key.Partner, Case: key.Case, What: "person", ID: key.Subject, Fields: []string{"/subjects/*"}, With: &pair[1-i], BreakGlass: !until.IsZero()}
		if out.Persons[i], err = r.person(ctx, key); err != nil {
			return Comparison{}, err
		}
	}
	for _, access := range accesses {
		if err := recordAccess(ctx, r.cfg.Files.cfg.Recorder, access); err != nil {
			return Comparison{}, err
		}
	}
	out.Report = r.cfg.Comparer.Compare(out.Persons[0], out.Persons[1])
	return out, nil
}

// Compare is SideBySide for whoever needs the report alone.
func (r *Register) Compare(ctx context.Context, by *Officer, a, b SubjectKey, reason string) (identity.Report, error) {
	out, err := r.SideBySide(ctx, by, a, b, reason)
	return out.Report, err
}

// Described refuses a person of whom nothing in the case says who they are.
func (r *Register) Described(ctx context.Context, by *Officer, key SubjectKey) error {
	if _, err := r.cfg.Files.row(ctx, by, key.CaseKey); err != nil {
		return err
	}
	_, err := r.person(ctx, key)
	return err
}

// Odd says what does not fit together in what one message says of a person, such
// as a number of another sex or a wrong check digit. It refuses nothing.
func (r *Register) Odd(subject map[string]any) []identity.Key {
	return r.cfg.Comparer.Odd(identity.PersonOf(subject))
}

// Linked returns the cases that share an opaque link with a case, as far as the
// officer may see them: police information and the return it belongs to.
func (r *Register) Linked(ctx context.Context, by *Officer, key CaseKey) ([]CaseKey, error) {
	if _, err := r.cfg.Files.row(ctx, by, key); err != nil {
		return nil, err
	}
	keys, err := r.cfg.Store.Linked(ctx, key)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(keys, func(k CaseKey) bool {
		_, err := r.cfg.Files.row(ctx, by, k)
		return err != nil
	}), nil
}

var errUndescribed = problem(ProblemNotFound, "Nothing in the case says who this person is.")

// person returns what the case says last of who a person is.
func (r *Register) person(ctx context.Context, key SubjectKey) (identity.Person, error) {
	book, err := r.cfg.Files.cfg.Opener.Book(ctx, key.CaseKey)
	if err != nil {
		return identity.Person{}, fmt.Errorf("open a case: %w", err)
	}
	found, err := r.persons(ctx, key.CaseKey, book, []string{key.Subject})
	if err != nil {
		return identity.Person{}, err
	}
	p, described := found[key.Subject]
	if !described {
		return identity.Person{}, errUndescribed
	}
	return p, nil
}

// persons returns what a case says last of who some persons are, by reference; those
// of whom it says nothing are left out.
func (r *Register) persons(ctx context.Context, key CaseKey, book *Book, refs []string) (map[string]identity.Person, error) {
	out := map[string]identity.Person{}
	for i := range slices.Backward(book.Notes) {
		n := &book.Notes[i]
		if n.Status == dead || !slices.Contains(describes, n.Type) {
			continue
		}
		sought := slices.DeleteFunc(slices.Clone(refs), func(ref string) bool {
			_, named := n.of(ref)
			_, known := out[ref]
			return !named || known
		})
		if len(sought) == 0 {
			continue
		}
		versions, err := r.cfg.Files.judge.Versions(ctx, MessageKey{Lane{key.Partner, n.direction()}, n.ID}, key.Case)
		if err != nil {
			return nil, err
		}
		told := subjectsOf(versions[len(versions)-1].Body)
		for _, ref := range sought {
			if p := identity.PersonOf(told[ref]); len(p.Names) > 0 {
				out[ref] = p
			}
		}
	}
	return out, nil
}
