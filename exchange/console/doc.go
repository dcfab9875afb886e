// Package console is the officers' pages: server-rendered HTML that works
// without a script, in the officer's language. It decides nothing. What an
// officer may see and do is decided in package exchange, which also records
// every look at personal data before this package gets to see it.
//
// A page is one method that gathers what it shows into a view, and one template
// of the same name. No text that a person reads stands in the code or in a
// template: all of it is in messages/<language>.json, and in the titles that
// the schemas give their fields. What partners wrote is hostile text and goes
// through Text.
package console
