package exchange

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/repatriation-exchange/gateway/schemas"
)

// pastDays are the members that say when something was that has happened.
var pastDays = []string{"date_of_birth", "found_on", "identified_on", "declared_on", "checked_on", "given_on", "agreed_on", "decided_on"}

// longestLife is beyond the oldest age that anybody is known to have reached; a birth
// before that is a slip of the pen.
const longestLife = 130

// implausible refuses days in a body of ours that cannot be: whoever mistypes a year
// makes a child of an adult, and the partner is told so. What a partner says of days is
// theirs to say; nothing of this is a rule of the wire.
func implausible(body any, at string, now time.Time) error {
	found := implausibleDays(nil, body, at, now)
	if len(found) == 0 {
		return nil
	}
	return problem(ProblemDraft, "%s", found[0].Detail).rule(found[0].Rule).at(found[0].Pointer).fields(found)
}

func implausibleDays(found []FieldError, v any, at string, now time.Time) []FieldError {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			place := at + "/" + name
			text, isText := v[name].(string)
			if !isText || !slices.Contains(pastDays, name) {
				found = implausibleDays(found, v[name], place, now)
				continue
			}
			day, err := schemas.ParseEDTF(text)
			switch {
			case err != nil: // the schema refuses it
			case day.Earliest.After(now.AddDate(0, 0, 1)): // it is tomorrow already somewhere
				found = append(found, FieldError{place, "day-future", "This day has not come yet."})
			case day.Latest.Before(now.AddDate(-longestLife, 0, 0)):
				found = append(found, FieldError{place, "day-past", "This day is more than 130 years ago."})
			}
		}
	case []any:
		for i, element := range v {
			found = implausibleDays(found, element, at+"/"+strconv.Itoa(i), now)
		}
	}
	return found
}
