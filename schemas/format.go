package schemas

import (
	"encoding/base64"
	"regexp"
	"strings"
	"time"
)

// A format is one value of the keyword "format": its name in an error and its
// assertion, which passes what is not a string (draft 2020-12, 7.1).
type format struct {
	name   string
	assert func(v any) bool
	list   string // the code list that it asserts membership of, "" for none
}

// language is the shape of the BCP 47 tags that we use: a language, a script,
// a region (RFC 5646, 2.1).
var language = regexp.MustCompile(`^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$`)

// formats are those a schema of ours may name. A list that is too long for an
// enum has a format of its own.
var formats = map[string]format{
	"country":              memberOf("iso-3166-1", "a country code of ISO 3166-1, two letters"),
	"script":               memberOf("iso-15924", "a script code of ISO 15924"),
	"vn-units-2025-07":     memberOf("vn-units", "a code of the list vn-units-2025-07"),
	"vn-provinces-2025-06": memberOf("vn-provinces", "a code of the list vn-provinces-2025-06"),

	"date":          {"a date, YYYY-MM-DD (RFC 3339)", text(func(s string) bool { _, err := time.Parse(time.DateOnly, s); return err == nil }), ""},
	"date-time":     {"a date and time with its offset (RFC 3339)", text(isDateTime), ""},
	"edtf":          {"a date that may be partial, such as 1998, 1998-05~ or 1998-XX-XX (EDTF level 0 or 1)", text(func(s string) bool { _, err := ParseEDTF(s); return err == nil }), ""},
	"edtf-interval": {"a period, such as 2023-05/2024, or one date (EDTF level 0 or 1)", text(func(s string) bool { _, err := ParseEDTFInterval(s); return err == nil }), ""},
	"mrz":           {"a machine-readable zone, lines separated by a line feed, whose check digits hold (ICAO 9303)", text(func(s string) bool { _, err := ParseMRZ(s); return err == nil }), ""},
	"base64":        {"base64 with padding (RFC 4648, section 4)", text(isBase64), ""},
	"language":      {"a language tag such as vi, km or zh-Hans (BCP 47)", text(language.MatchString), ""},
}

// memberOf asserts that a text is a code of a list.
func memberOf(list, name string) format {
	return format{name, text(func(s string) bool { l, ok := List(list); return ok && l.Has(s) }), list}
}

func text(assert func(string) bool) func(any) bool {
	return func(v any) bool {
		s, ok := v.(string)
		return !ok || assert(s)
	}
}

// dateTime is the shape of RFC 3339, 5.6. time.Parse alone is more lenient: it
// takes a comma for the point, an hour of one digit and an offset of 24 hours.
var dateTime = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$`)

func isDateTime(s string) bool {
	_, err := time.Parse(time.RFC3339, s)
	return err == nil && dateTime.MatchString(s)
}

// isBase64 refuses line feeds too, which a strict decoder passes over.
func isBase64(s string) bool {
	_, err := base64.StdEncoding.Strict().DecodeString(s)
	return err == nil && !strings.ContainsAny(s, "\r\n")
}
