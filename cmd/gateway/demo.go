package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
)

// demoPort is the first port that the demo tries.
const demoPort = 8440

type demoFlags struct {
	once, asJSON bool
	dir, store   string
}

func newDemo() *cobra.Command {
	var f demoFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Start five gateways on this machine, play real stories, and prove them",
		Long: `demo starts a Viet Nam gateway and one for each of Laos, Cambodia, China and the
United Kingdom: the same program, each with its own store, keys, certificate
and officers, on loopback. Over mutual TLS they play what such gateways are for:
an identity check with every partner, a return from Cambodia from the notice to
the follow-up, a person who came back from China by herself, and an anonymous
notice from the United Kingdom that becomes a case. Weeks pass in seconds: the
gateways share a clock that the demo moves. Some of it is left to the officers of
Viet Nam. Then a tampered copy is sent and refused, and everything is proved from
the records. Synthetic data only.

It then stays up until Ctrl-C, with the officers' pages of Viet Nam; with --once it
ends. With --dir everything is
kept, and every other verb works on DIR/vn/gateway.yaml (la, kh, cn, gb).

It ends with exit code 0 only when everything went as the stories say, in the
records of both sides.`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), cmd.OutOrStdout()) },
	}
	cmd.Flags().BoolVar(&f.once, "once", false, "end when everything is played and proved")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "end with one JSON object on the last line")
	cmd.Flags().StringVar(&f.dir, "dir", "", "keep everything in this `folder`; a temporary one otherwise")
	cmd.Flags().StringVar(&f.store, "store", "sqlite", "sqlite, or a postgres:// `URL` on this machine (a schema is made for each country, and dropped unless --dir keeps it)")
	return cmd
}

func (f *demoFlags) run(ctx context.Context, out io.Writer) (err error) {
	started := time.Now()
	chapters, err := loadStories(storyFiles)
	if err != nil {
		return err
	}
	dir, forget, err := f.folder()
	if err != nil {
		return err
	}
	defer forget()
	d := &demo{dir: dir, say: newNarrator(out), keep: f.dir != "", chapters: chapters, officers: map[string][]demoOfficer{}}
	if d.store, err = newDemoStore(f.store); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	if err := d.start(ctx); err != nil {
		return err
	}
	result, err := d.play(ctx)
	if err != nil {
		return err
	}
	result.Seconds = time.Since(started).Seconds()
	if f.once {
		d.say.done(d, result)
	} else if err := d.stayUp(ctx, result); err != nil {
		return err
	}
	if f.asJSON {
		return printJSON(out, result)
	}
	return nil
}

// folder returns the demo's folder and what to do with it in the end.
func (f *demoFlags) folder() (string, func(), error) {
	if f.dir == "" {
		dir, err := os.MkdirTemp("", "demo-")
		if err != nil {
			return "", nil, fmt.Errorf("make a folder: %w", err)
		}
		return dir, func() { _ = os.RemoveAll(dir) }, nil // a temporary folder
	}
	dir, err := filepath.Abs(f.dir)
	if err != nil {
		return "", nil, usageError{err}
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return "", nil, hint(usagef("%s is not empty", dir), "choose a new folder; 'gateway serve --config "+dir+"/vn/gateway.yaml' goes on with an old one, and 'gateway officer invite' lets an officer in to its pages")
	}
	return dir, func() {}, nil
}

// play plays every chapter, tampers with a copy, and recomputes every record.
func (d *demo) play(ctx context.Context) (demoResult, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	result := demoResult{Partners: len(countries) - 1}
	d.say.legend()
	var last *player
	from := 0
	for _, c := range d.chapters {
		d.say.step(c.Title, c.Tell)
		for i := range c.Stories {
			d.say.persons(&c.Stories[i])
			p, err := d.playStory(ctx, &c.Stories[i], from)
			if err != nil {
				return result, err
			}
			told, err := p.outcome(ctx)
			if err != nil {
				return result, err
			}
			result.Stories, last = append(result.Stories, told), p
			if told.Messages > d.returned.Messages {
				d.returned = told
			}
			if task := c.Stories[i].Task; task != "" {
				d.left[task] = told
			}
		}
		from += c.Days
	}
	if err := d.settle(ctx); err != nil {
		return result, err
	}
	d.say.step("A tampered copy", "one byte of a delivered message is changed, and it is sent again")
	var err error
	if result.Refused, err = d.tamper(ctx, last); err != nil {
		return result, err
	}
	d.say.step("The proof", "every record is recomputed from its stored bytes")
	if result.Record, err = d.verify(ctx); err != nil {
		return result, err
	}
	result.Verified = true
	return result, d.count(ctx, &result)
}

// days is how long all chapters last.
func (d *demo) days() int {
	n := 0
	for _, c := range d.chapters {
		n += c.Days
	}
	return n
}
