package identity

import "slices"

// A Key names an explanation. The console shows its text in the officer's
// language; the texts hold nothing of the persons compared.
type Key string

// A Text is an explanation in the languages of the catalogue.
type Text struct{ EN, VI string }

// Text returns the explanation; the zero Text when the key is unknown.
func (k Key) Text() Text {
	if t, ok := nameTexts[k]; ok {
		return t
	}
	return fieldTexts[k]
}

// Keys lists the catalogue.
func Keys() []Key {
	return slices.Sorted(func(yield func(Key) bool) {
		for _, texts := range []map[Key]Text{nameTexts, fieldTexts} {
			for k := range texts {
				if !yield(k) {
					return
				}
			}
		}
	})
}

// In returns the text of a language: Vietnamese for vi, else English.
func (t Text) In(language string) string {
	if language == "vi" {
		return t.VI
	}
	return t.EN
}

// Key names a verdict in the catalogue.
func (v Verdict) Key() Key { return "verdict." + Key(v) }

// Key names a grade in the catalogue.
func (g Grade) Key() Key { return "grade." + Key(g) }

// Key names a field in the catalogue.
func (f Field) Key() Key { return "field." + Key(f) }
