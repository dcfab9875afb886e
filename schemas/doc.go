// Package schemas says what may be said: the message types of the gateway as
// JSON Schemas (draft 2020-12), each field described in English and in
// Vietnamese, and the strict reading of JSON and YAML that comes before them.
//
//   - Parse is the one JSON parser for anything that comes from outside.
//   - Catalogue holds the embedded schemas, compiled once, and judges bodies,
//     message claims and receipts. Its Fields say what is in a type, for the
//     console and the exports.
//   - List and Lists hold the code lists that values are taken from, with labels
//     by language.
//   - Document checks an operator's YAML or JSON file against a schema and
//     names the line and column of each fault.
//   - ParseEDTF and ParseMRZ read partial dates and machine-readable zones.
//
// What a schema accepted once published, it accepts for ever: the tests compare
// with the snapshots in published/. docs/catalogue.md is generated from here and
// says what may change.
//
// No error of this package holds a value from the data it judges: errors name
// a JSON Pointer and a rule, because they travel into logs and to partners
// while the data are personal.
package schemas
