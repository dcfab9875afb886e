package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
)

// maxFindings bounds the report of a bundle that is wrong everywhere; the rest
// is only counted.
const maxFindings = 1000

// A finding is one thing that does not hold. What is in our own words: a
// message's content never enters it.
type finding struct {
	File  string `json:"file"`
	Entry *int64 `json:"entry"` // null when it is not about one entry
	What  string `json:"what"`
}

// A report is what was found, and the figures of the bundle.
type report struct {
	bundle   string
	unusable string // why nothing can be said; "" otherwise

	given  bool     // the keys came with --key
	keys   keyFile  // the log's keys that counted
	notes  []string // what the reader should know although it is no fault
	scope  string
	origin string
	party  string
	size   int64
	root   string

	entries  int64
	messages int64
	receipts int64
	erased   int64

	findings []finding
	more     int64 // findings beyond maxFindings
}

func newReport(o options) *report {
	return &report{bundle: o.bundle, given: o.key != "", findings: []finding{}}
}

// find records that a file is not what it should be.
func (r *report) find(file, format string, args ...any) {
	r.add(finding{File: file, What: fmt.Sprintf(format, args...)})
}

// findAt records that an entry is not what it should be.
func (r *report) findAt(file string, entry int64, format string, args ...any) {
	r.add(finding{File: file, Entry: &entry, What: fmt.Sprintf(format, args...)})
}

func (r *report) add(f finding) {
	if len(r.findings) == maxFindings {
		r.more++
		return
	}
	r.findings = append(r.findings, f)
}

func (r *report) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

func (r *report) ok() bool { return r.unusable == "" && len(r.findings) == 0 }

func (r *report) exit() int {
	switch {
	case r.unusable != "":
		return exitUnusable
	case len(r.findings) > 0:
		return exitAltered
	}
	return exitHolds
}

// print writes the report. Everything that comes from the bundle is quoted, so
// that a hostile bundle cannot drive the reader's terminal.
func (r *report) print(stdout, stderr io.Writer, asJSON bool) error {
	var out bytes.Buffer
	if r.unusable == "" {
		r.text(&out)
	} else if _, err := fmt.Fprintf(stderr, "verify: %s cannot be judged: %s\n", plain(r.bundle), r.unusable); err != nil {
		return err
	}
	if asJSON {
		line, err := r.json()
		if err != nil {
			return err
		}
		out.Write(append(line, '\n'))
	}
	_, err := stdout.Write(out.Bytes())
	return err
}

func (r *report) text(w io.Writer) {
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) } // to a buffer
	p("bundle    %s", plain(r.bundle))
	p("log       %s, kept by %s", plain(r.origin), plain(r.party))
	p("tree      %d leaves, root %s", r.size, plain(r.root))
	p("scope     %s", r.scope)
	p("entries   %d: %d messages, %d receipts checked, %d erased", r.entries, r.messages, r.receipts, r.erased)
	for _, key := range r.keys {
		p("log key   %s", plain(key.line))
		p("          SHA-256 of that line: %s", key.fingerprint())
	}
	if r.given {
		p("The log's key was given with --key: what holds was signed by its owner.")
	} else {
		p("NO --key WAS GIVEN: the bundle's own keys were used. This shows that the bundle is")
		p("whole, not where it comes from. Compare the log key with one that you were given")
		p("by another way, or give that one with --key.")
	}
	for _, n := range r.notes {
		p("%s", n)
	}
	for _, f := range r.all() {
		if f.Entry != nil {
			p("FOUND     %s, entry %d: %s", plain(f.File), *f.Entry, f.What)
		} else {
			p("FOUND     %s: %s", plain(f.File), f.What)
		}
	}
	if r.ok() {
		p("EVERYTHING HOLDS")
	} else {
		p("NOT EVERYTHING HOLDS: %d findings", int64(len(r.findings))+r.more)
	}
}

// all returns the findings, and how many were left out.
func (r *report) all() []finding {
	if r.more == 0 {
		return r.findings
	}
	return append(r.findings[:len(r.findings):len(r.findings)],
		finding{File: r.bundle, What: fmt.Sprintf("%d more findings are not listed", r.more)})
}

func (r *report) json() ([]byte, error) {
	findings := r.all()
	if r.unusable != "" {
		findings = append(findings[:len(findings):len(findings)],
			finding{File: r.bundle, What: "cannot be judged: " + r.unusable})
	}
	keys := "bundle"
	if r.given {
		keys = "given"
	}
	return json.Marshal(struct {
		OK       bool      `json:"ok"`
		Entries  int64     `json:"entries"`
		Messages int64     `json:"messages"`
		Receipts int64     `json:"receipts"`
		Erased   int64     `json:"erased"`
		Origin   string    `json:"origin"`
		Size     int64     `json:"size"`
		Root     string    `json:"root"`
		Keys     string    `json:"keys"`
		Findings []finding `json:"findings"`
	}{r.ok(), r.entries, r.messages, r.receipts, r.erased, r.origin, r.size, r.root, keys, findings})
}

// plain makes a string of the bundle safe to print: unusual characters are
// escaped, and it has an end.
func plain(s string) string {
	const longest = 200
	if len(s) > longest {
		s = s[:longest] + "..."
	}
	q := strconv.QuoteToASCII(s)
	return q[1 : len(q)-1]
}
