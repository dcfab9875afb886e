package console

import "net/http"

// A shortcut is a key of assets/keys.js, or two after each other, and what it
// does: a key of the catalogue.
type shortcut struct {
	Keys []string
	Does string
}

var shortcuts = []shortcut{
	{[]string{"j", "k"}, "help.rows"}, {[]string{"Enter"}, "help.enter"}, {[]string{"/"}, "help.find"},
	{[]string{"r"}, "help.reason"}, {[]string{"a"}, "help.act"},
	{[]string{"g", "w"}, "work.title"}, {[]string{"g", "m"}, "messages.title"}, {[]string{"g", "c"}, "cases.title"}, {[]string{"g", "f"}, "find.title"},
	{[]string{"?"}, "help.help"},
}

// helpPage says how to get about by keys, and turns the single ones off.
func (c *Console) helpPage(v *visit) error {
	return c.show(v, http.StatusOK, "help", v.s.T("help.title"), "help", shortcuts)
}
