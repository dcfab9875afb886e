package operator

import (
	"net/http"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/schemas"
)

func wordsOf(w schemas.Words) Words { return Words{w.EN, w.VI} }

// A typeLine is a message type in the catalogue.
type typeLine struct {
	Type        string `json:"type"`
	Code        string `json:"code"`
	Title       Words  `json:"title"`
	Description Words  `json:"description"`
	AnsweredBy  string `json:"answered_by,omitempty"`
}

func typeOf(t schemas.Type) typeLine {
	return typeLine{t.Name, t.Code, wordsOf(t.Title), wordsOf(t.Description), exchange.ReplyTo(t.Name)}
}

// A listLine is a code list in the catalogue.
type listLine struct {
	List    string `json:"list"`
	Version string `json:"version"`
	Title   Words  `json:"title"`
	Open    bool   `json:"open"`
}

// getCatalogue lists what can be said, and the code lists that it is said with.
func (s *Server) getCatalogue(r *request) (answer, error) {
	if err := r.query().end(); err != nil {
		return answer{}, err
	}
	out := struct {
		Types []typeLine `json:"types"`
		Lists []listLine `json:"lists"`
	}{[]typeLine{}, []listLine{}}
	for _, t := range s.cfg.Catalogue.Types() {
		out.Types = append(out.Types, typeOf(t))
	}
	for _, l := range schemas.Lists() {
		out.Lists = append(out.Lists, listLine{l.Name, l.Version, wordsOf(l.Title), l.Open})
	}
	return reply(http.StatusOK, out)
}

// A fieldLine is one place of a message's body.
type fieldLine struct {
	Pointer     string `json:"pointer"`
	Title       Words  `json:"title"`
	Description Words  `json:"description"`
	Type        string `json:"type,omitempty"`
	Elements    string `json:"elements,omitempty"`
	Format      string `json:"format,omitempty"`
	Required    bool   `json:"required"`
	List        string `json:"list,omitempty"`
	HTCDS       string `json:"htcds,omitempty"`
	Personal    string `json:"personal,omitempty"`
}

func (s *Server) getType(r *request) (answer, error) {
	if err := r.query().end(); err != nil {
		return answer{}, err
	}
	for _, t := range s.cfg.Catalogue.Types() {
		if t.Name != r.param("type") {
			continue
		}
		out := struct {
			typeLine
			Fields []fieldLine `json:"fields"`
		}{typeOf(t), []fieldLine{}}
		for _, f := range s.cfg.Catalogue.Fields(t.Name) {
			out.Fields = append(out.Fields, fieldLine{
				f.Pointer, wordsOf(f.Title), wordsOf(f.Description), f.Type, f.Elements, f.Format, f.Required, f.CodeList, f.HTCDS, f.Personal,
			})
		}
		return reply(http.StatusOK, out)
	}
	return answer{}, exchange.NewProblem(exchange.ProblemNotFound, "There is no such message type.")
}

// A codeLine is one code of a list, with its label in each language.
type codeLine struct {
	Code       string            `json:"code"`
	Labels     map[string]string `json:"labels"`
	Parent     string            `json:"parent,omitempty"`
	ReplacedBy string            `json:"replaced_by,omitempty"`
}

func (s *Server) getCodes(r *request) (answer, error) {
	if err := r.query().end(); err != nil {
		return answer{}, err
	}
	list, ok := schemas.List(r.param("list"))
	if !ok {
		return answer{}, exchange.NewProblem(exchange.ProblemNotFound, "There is no such code list.")
	}
	out := struct {
		listLine
		Codes []codeLine `json:"codes"`
	}{listLine{list.Name, list.Version, wordsOf(list.Title), list.Open}, []codeLine{}}
	for c := range list.Codes() {
		out.Codes = append(out.Codes, codeLine{c.Code, map[string]string{"en": c.Label("en"), "vi": c.Label("vi")}, c.Parent, c.ReplacedBy})
	}
	return reply(http.StatusOK, out)
}
