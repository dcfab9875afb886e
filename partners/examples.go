package partners

import (
	"embed"
	"fmt"
	"os"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Examples are templates for our own side, and for the partners and agreements
// that the project starts from; each says in comments what is sourced and what is not.
//
//go:embed examples
var Examples embed.FS

// TemplatePartner returns the template of a partner, to be completed with its
// endpoint, TLS trust and keys.
func TemplatePartner(code string) (*Partner, error) {
	docs, err := compileDocuments()
	if err != nil {
		return nil, err
	}
	name := path.Join("examples/partners", strings.ToLower(code)+".yaml")
	data, err := Examples.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("there is no template of a partner %q", code)
	}
	p := &Partner{}
	if err := docs.partner.DecodeYAML(name, data, p); err != nil {
		return nil, err
	}
	return p, nil
}

// TemplateAgreement returns the template of an agreement as Viet Nam writes it.
func TemplateAgreement(code string) (*Agreement, error) {
	docs, err := compileDocuments()
	if err != nil {
		return nil, err
	}
	name := path.Join("examples/agreements", code+".yaml")
	data, err := Examples.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("there is no template of an agreement %q", code)
	}
	return docs.readAgreement(name, data, nil)
}

// WriteFile writes a file of the registry as Load reads it. A file that is
// there is not replaced.
func WriteFile(path, comment string, v any) error {
	text, err := yaml.Marshal(v)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = fmt.Fprintf(f, "# %s\n%s", comment, text)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
