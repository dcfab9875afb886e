package export

import (
	_ "embed"
	"fmt"
	"os"
	"slices"

	"github.com/repatriation-exchange/gateway/partners"
	"github.com/repatriation-exchange/gateway/schemas"
)

//go:embed templates.v1.json
var templateSchema []byte

// A Template says which tables a report of statistics has. None of them is
// anybody's official form: no source says which that would be.
type Template struct {
	ID     string        `json:"id"`
	Title  partners.Text `json:"title"`
	K      int           `json:"k"` // numbers of persons below it are hidden
	Tables []string      `json:"tables"`
}

// Tables returns the tables that a template can have, in their order.
func Tables() []string {
	return []string{"outcomes", "routes", "brokered_marriage", "services", "lodging", "steps", "deadlines", "provinces"}
}

// DefaultTemplates are what there is where no file names others.
func DefaultTemplates() []Template {
	return []Template{{ID: "all", Title: partners.Text{EN: "All tables", VI: "Tất cả các bảng"}, K: 5, Tables: Tables()}}
}

// ReadTemplates reads a file of templates.
func ReadTemplates(path string) ([]Template, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the report templates: %w", err)
	}
	doc, err := schemas.CompileDocument("https://repatriation.example/schemas/templates.v1.json", templateSchema)
	if err != nil {
		return nil, fmt.Errorf("compile the schema of report templates: %w", err)
	}
	var file struct {
		Templates []Template `json:"templates"`
	}
	if err := doc.DecodeYAML(path, data, &file); err != nil {
		return nil, err
	}
	for i, t := range file.Templates {
		if slices.ContainsFunc(file.Templates[:i], func(o Template) bool { return o.ID == t.ID }) {
			return nil, fmt.Errorf("%s: two templates are called %q", path, t.ID)
		}
	}
	return file.Templates, nil
}
