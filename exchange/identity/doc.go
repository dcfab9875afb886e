// Package identity helps an officer to compare two descriptions of a person:
// the one that a verification request gives and the one that a register or
// another case knows.
//
//   - Comparer.Compare explains, field by field, what agrees, what can be the
//     same and what differs, in words of a small catalogue (Key.In) that hold
//     nothing of either person.
//   - Index turns a person into a fixed number of keyed tokens. Probable
//     duplicates share tokens, so they are found without opening everyone's
//     record.
//
// Nothing here decides. There is no overall verdict: Report.Order sorts
// candidates for reading and means nothing else. Across scripts a name is never
// called the same; the finding says that both scripts must be looked at.
//
// What each comparison does and how well it does it, measured on public data,
// is in docs/identity.md; why it is our own code and what it uses, in
// docs/decisions/0011-identity-help.md.
package identity
