package console

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/message/catalog"

	"github.com/repatriation-exchange/gateway/partners"
	"github.com/repatriation-exchange/gateway/schemas"
)

//go:embed messages/*.json messages/schemas/*.json
var messageFiles embed.FS

// spoken are the languages of the console, the first for whoever asks for none
// of them.
var spoken = []string{"vi", "en", "lo", "km", "zh"}

// drafted is the text by which a language says that a machine wrote its texts
// and nobody has reviewed them yet. Whoever has reviewed a file takes it out.
const drafted = "frame.drafted"

// languages are the catalogues of all languages.
type languages struct {
	all    []*speech
	assets string   // the version that pages ask for
	lacks  []string // texts that a language has to say in the words of another
	dates  dateReader
}

// A speech says everything in one language.
type speech struct {
	Tag     string
	printer *message.Printer
	keys    map[string]bool
	words   map[string]string // what schemas and the registry say in English, in a language that they do not speak
	zone    *time.Location
	pages   pages
}

// wording is one entry of a catalogue: a text, or one for each plural form.
type wording struct {
	text  string
	forms map[string]string
}

func (w *wording) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &w.text)
	}
	return json.Unmarshal(data, &w.forms)
}

func loadLanguages(zone *time.Location) (*languages, error) {
	version, err := versionOfAssets()
	if err != nil {
		return nil, err
	}
	out := &languages{assets: version}
	builder := catalog.NewBuilder(catalog.Fallback(language.MustParse(spoken[0])))
	catalogues := map[string]map[string]wording{}
	for _, name := range spoken {
		if catalogues[name], err = readMessages(name); err != nil {
			return nil, err
		}
	}
	for _, name := range spoken {
		tag, err := language.Parse(name)
		if err != nil {
			return nil, fmt.Errorf("language %s: %w", name, err)
		}
		words, lacks := completed(catalogues, name)
		out.lacks = append(out.lacks, lacks...)
		s := &speech{Tag: name, zone: zone, keys: map[string]bool{}}
		for key, w := range words {
			s.keys[key] = true
			if err := w.enter(builder, tag, key); err != nil {
				return nil, fmt.Errorf("language %s, %s: %w", name, key, err)
			}
		}
		if s.words, err = readWords(name); err != nil {
			return nil, err
		}
		s.printer = message.NewPrinter(tag, message.Catalog(builder))
		if s.pages, err = parsePages(s, version); err != nil {
			return nil, err
		}
		out.all = append(out.all, s)
	}
	out.dates = newDateReader(out.all)
	return out, nil
}

// completed returns the catalogue of a language, with the texts of the first that has
// them for those that it lacks: whoever reads the page is told in another language
// rather than not at all. A test finds what is lacking.
func completed(catalogues map[string]map[string]wording, name string) (words map[string]wording, lacks []string) {
	words = maps.Clone(catalogues[name])
	for _, other := range spoken {
		for key, w := range catalogues[other] {
			if _, has := words[key]; !has && key != drafted {
				words[key], lacks = w, append(lacks, name+" "+key)
			}
		}
	}
	slices.Sort(lacks)
	return words, lacks
}

func readMessages(name string) (map[string]wording, error) {
	data, err := messageFiles.ReadFile(path.Join("messages", name+".json"))
	if err != nil {
		return nil, fmt.Errorf("read the catalogue: %w", err)
	}
	var words map[string]wording
	if err := json.Unmarshal(data, &words); err != nil {
		return nil, fmt.Errorf("read the catalogue of %s: %w", name, err)
	}
	return words, nil
}

// readWords reads a language's words for those of schemas; vi and en have none.
func readWords(name string) (map[string]string, error) {
	data, err := messageFiles.ReadFile(path.Join("messages/schemas", name+".json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the words for schemas: %w", err)
	}
	var words map[string]string
	if err := json.Unmarshal(data, &words); err != nil {
		return nil, fmt.Errorf("read the words for schemas of %s: %w", name, err)
	}
	return words, nil
}

func (w wording) enter(b *catalog.Builder, tag language.Tag, key string) error {
	if w.forms == nil {
		return b.SetString(tag, key, w.text)
	}
	var cases []any
	for _, form := range []string{"one", "other"} {
		if text, ok := w.forms[form]; ok {
			cases = append(cases, form, text)
		}
	}
	return b.Set(tag, key, plural.Selectf(1, "%d", cases...))
}

// T returns a text. A key that no language has is shown as it is; a test finds it.
func (s *speech) T(key string, args ...any) string { return s.printer.Sprintf(key, args...) }

// has says whether the catalogue has a key, for what others may extend.
func (s *speech) has(key string) bool { return s.keys[key] }

// Or returns the text of a key that may not exist, or else what stands for it.
func (s *speech) Or(key, otherwise string) string {
	if s.has(key) {
		return s.T(key)
	}
	return otherwise
}

// Of picks the language's words, or else English ones.
func (s *speech) Of(w schemas.Words) string {
	if s.Tag == "vi" && w.VI != "" {
		return w.VI
	}
	if own := s.words[w.EN]; own != "" {
		return own
	}
	return w.EN
}

// Label writes a code in words, and says which language they are of where that
// is not the page's: a screen reader has to know. A code that its list does not
// have is returned as it is.
func (s *speech) Label(list schemas.CodeList, code string) (label, lang string) {
	c, ok := list.Lookup(code)
	if !ok {
		return code, ""
	}
	label, lang = c.Said(s.Tag)
	if own := s.words[label]; lang == "en" && own != "" {
		return own, ""
	}
	if lang == s.Tag {
		return label, ""
	}
	return label, lang
}

// Named picks a text of the registry.
func (s *speech) Named(t partners.Text) string { return s.Of(schemas.Words{EN: t.EN, VI: t.VI}) }

// Said is a longer text of the registry, which speaks Vietnamese and English
// alone, with the language that it is in where that is not the page's.
func (s *speech) Said(t partners.Text) Value {
	out := Value{Text: s.Named(t)}
	if out.Text == t.EN && s.Tag != "en" {
		out.Lang = "en"
	}
	return out
}

// Date writes a day; Time writes an instant in the officers' zone.
func (s *speech) Date(t time.Time) string { return t.Format(s.T("format.date")) }

// Time writes an instant in the officers' zone.
func (s *speech) Time(t time.Time) string { return t.In(s.zone).Format(s.T("format.time")) }

// Day writes the day of an instant in the officers' zone.
func (s *speech) Day(t time.Time) string { return s.Date(t.In(s.zone)) }

// Partial writes a date that may be partial in words.
func (s *speech) Partial(text string) string {
	e, err := schemas.ParseEDTF(text)
	if err != nil {
		return text
	}
	out := s.span(e.Earliest, e.Latest)
	if e.Approximate {
		out = s.T("date.approximate", out)
	}
	if e.Uncertain {
		out = s.T("date.uncertain", out)
	}
	return out
}

func (s *speech) span(from, to time.Time) string {
	switch {
	case from.Equal(to):
		return s.Date(from)
	case from.Day() == 1 && from.AddDate(0, 1, -1).Equal(to):
		return from.Format(s.T("format.month"))
	case from.YearDay() == 1 && from.AddDate(1, 0, -1).Equal(to):
		return from.Format(s.T("format.year"))
	}
	return s.T("date.between", s.Date(from), s.Date(to))
}

// Due says how long a deadline is away.
func (s *speech) Due(due, now time.Time) string {
	day := func(t time.Time) time.Time {
		y, m, d := t.In(s.zone).Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	}
	days := int(day(due).Sub(day(now)).Hours() / 24)
	switch {
	case due.Before(now) && days == 0:
		return s.T("due.passed_today")
	case due.Before(now):
		return s.T("due.overdue", -days)
	case days == 0:
		return s.T("due.today")
	}
	return s.T("due.left", days)
}

const languageCookie = "__Host-language"

// of returns the language of a request: what its officer chose, or else what
// the browser asks for.
func (l *languages) of(r *http.Request) *speech {
	if cookie, err := r.Cookie(languageCookie); err == nil {
		if s := l.byTag(cookie.Value); s != nil {
			return s
		}
	}
	asked, _, _ := language.ParseAcceptLanguage(r.Header.Get("Accept-Language")) // none where it says nonsense
	// Whoever reads the Chinese of Taiwan reads ours sooner than Vietnamese.
	for _, tag := range asked {
		if base, certain := tag.Base(); certain == language.Exact {
			if s := l.byTag(base.String()); s != nil {
				return s
			}
		}
	}
	return l.all[0]
}

func (l *languages) byTag(tag string) *speech {
	for _, s := range l.all {
		if s.Tag == tag {
			return s
		}
	}
	return nil
}

// chooseLanguage keeps the officer's choice and goes back to the page.
func (c *Console) chooseLanguage(v *visit) error {
	if s := c.languages.byTag(v.r.PostFormValue("language")); s != nil {
		http.SetCookie(v.w, &http.Cookie{Name: languageCookie, Value: s.Tag, Path: "/", MaxAge: 365 * 24 * 3600, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	}
	return v.redirect(local(v.r.PostFormValue("to")))
}

// local returns a path of this console, "/" for anything else: a link from
// elsewhere must not carry an officer away after the sign-in.
func local(to string) string {
	if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") {
		return "/"
	}
	return to
}
