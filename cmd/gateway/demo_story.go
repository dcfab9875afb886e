package main

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/repatriation-exchange/gateway/exchange"
)

// storyFiles are what the demo plays: invented persons, and what the agencies
// of two countries tell each other of them.
//
//go:embed stories
var storyFiles embed.FS

// A chapter is one file of stories. Chapters follow one another in time.
type chapter struct {
	Title   string  `yaml:"title"`
	Tell    string  `yaml:"tell"`
	Days    int     `yaml:"days"` // how long it lasts; whole weeks, so that each begins on a Monday
	Stories []story `yaml:"stories"`
}

// A story is one case between Viet Nam and a partner.
type story struct {
	Name    string            `yaml:"name"`
	Partner string            `yaml:"partner"`
	Persons map[string]string `yaml:"persons"` // subject_ref: an invented name
	Task    string            `yaml:"task"`    // what is left of it to Viet Nam's officers
	Steps   []step            `yaml:"steps"`
}

// A step is one message of a story, or, without a type, a day on which
// something is expected to have happened by itself. What it expects is checked
// on both sides; a step that turns out otherwise ends the demo.
type step struct {
	Name string `yaml:"name"` // how later steps call its message
	Day  int    `yaml:"day"`  // from the beginning of the chapter
	At   string `yaml:"at"`   // 15:04 in Ha Noi
	Tell string `yaml:"tell"` // what happens, for a person
	Mind string `yaml:"mind"` // what must not be misunderstood

	From         string      `yaml:"from"`
	Type         string      `yaml:"type"`
	Answers      string      `yaml:"answers"`      // the name of a step
	Countersigns string      `yaml:"countersigns"` // the name of a step: its record, repeated, is the body
	Approval     string      `yaml:"approval"`     // the reference of an approval
	Safeguards   []safeguard `yaml:"safeguards"`
	Body         any         `yaml:"body"` // placeholders: see placeholders

	Held     *held             `yaml:"held"`     // a first draft that may not leave
	Refused  *refused          `yaml:"refused"`  // this may not be said at all
	Officers int               `yaml:"officers"` // how many release it
	Waits    bool              `yaml:"waits"`    // and none of them has decided yet: it stays a draft
	Withheld []string          `yaml:"withheld"` // what the agreement removes before signing
	Late     bool              `yaml:"late"`     // Viet Nam's record flags it as late
	Overdue  string            `yaml:"overdue"`  // a clock of Viet Nam that has run out by now
	Clocks   map[string]string `yaml:"clocks"`   // deadlines of Viet Nam: due, met or late
	Then     map[string]string `yaml:"then"`     // subject_ref: the state on both sides, and remarks
}

// A safeguard is what is recorded before a message leaves.
type safeguard struct {
	Kind  string `yaml:"kind"`
	Basis string `yaml:"basis"`
	Days  int    `yaml:"days"` // from the step's own day
}

// A held draft lacks one member of the body, and so a safeguard.
type held struct {
	Without string `yaml:"without"`
	Missing string `yaml:"missing"`
}

// A refused message meets the same problem at the sender's own gateway and,
// sent past it, at the receiver's.
type refused struct {
	Problem string `yaml:"problem"`
	Rule    string `yaml:"rule"`
	At      string `yaml:"at"`
}

// loadStories reads every chapter in the order of the files' names.
func loadStories(files fs.FS) ([]chapter, error) {
	names, err := fs.Glob(files, "stories/*.yaml")
	if err != nil || len(names) == 0 {
		return nil, errors.Join(errors.New("there are no stories"), err)
	}
	chapters := make([]chapter, len(names))
	for i, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("read a story: %w", err)
		}
		decoder := yaml.NewDecoder(bytes.NewReader(text))
		decoder.KnownFields(true)
		if err := decoder.Decode(&chapters[i]); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		for _, s := range chapters[i].Stories {
			if err := s.check(chapters[i].Days); err != nil {
				return nil, fmt.Errorf("%s: %s: %w", name, s.Name, err)
			}
		}
	}
	return chapters, nil
}

// check finds what is wrong with a story before anything is played.
func (s *story) check(days int) error {
	if days <= 0 || days%7 != 0 {
		return errors.New("a chapter lasts whole weeks")
	}
	if len(s.Steps) == 0 || len(s.Persons) == 0 {
		return errors.New("a story has persons and steps")
	}
	named := map[string]bool{}
	for i, st := range s.Steps {
		fail := func(what string) error { return fmt.Errorf("step %d, %s: %s", i+1, st.Name, what) }
		if st.Day < 0 || st.Day >= days || i > 0 && st.when() <= s.Steps[i-1].when() {
			return fail("its day and hour do not follow on the step before")
		}
		if st.Tell == "" {
			return fail("it tells nothing")
		}
		if st.Type == "" {
			continue
		}
		switch {
		case exchange.MessageCode(st.Type) == "":
			return fail("there is no message of this type")
		case st.From != "VN" && st.From != s.Partner:
			return fail("its sender is not of this story")
		case st.Name == "" || named[st.Name]:
			return fail("its name is missing, or another step has it")
		case st.Answers != "" && !named[st.Answers], st.Countersigns != "" && !named[st.Countersigns]:
			return fail("it names a step that does not come before it")
		case (st.Body == nil) == (st.Countersigns == ""):
			return fail("it has a body, or countersigns a record")
		case st.Refused == nil && len(st.Then) != len(s.Persons):
			return fail("it does not say where each person stands then")
		}
		named[st.Name] = st.sends()
	}
	return nil
}

// sends says whether a step's message leaves.
func (s *step) sends() bool { return s.Type != "" && s.Refused == nil && !s.Waits }

// when orders the steps of a chapter.
func (s *step) when() string { return fmt.Sprintf("%03d %s", s.Day, s.At) }

// to is the receiver of a step's message.
func (s *step) to(partner string) string {
	if s.From == "VN" {
		return partner
	}
	return "VN"
}

// stands splits what a step expects of a person: a state and remarks.
func stands(expected string) (exchange.State, []string) {
	words := strings.Fields(expected)
	if len(words) == 0 {
		return "", nil
	}
	return exchange.State(words[0]), words[1:]
}
