package main

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/repatriation-exchange/gateway/exchange"
)

// Sheets get apart: each of a long case says what it is, of which case, who printed it
// and which it is of how many; nothing of it is cut off, and no address stands on it.
func TestConsolePDFSheets(t *testing.T) {
	s := newScene(t)
	s.mixes()
	sent := exchange.MessageKey{Lane: exchange.Lane{Partner: "KH", Direction: exchange.Out}, ID: s.oursSent()}
	for range 25 {
		if _, err := s.vn.node.files.Message(t.Context(), &officerMinh, sent, "để đối chiếu"); err != nil {
			t.Fatal(err)
		}
	}
	v := s.visitedBy("lan")
	for show, mark := range map[string]string{"pdf": "dữ liệu cá nhân đã được che", "all-pdf": "CÓ DỮ LIỆU CÁ NHÂN"} {
		p := v.post("/cases/KH/"+s.ours+"/print", url.Values{"show": {show}, "reason": {"họp liên ngành"}})
		if p.status != 200 || p.header.Get("Content-Type") != "application/pdf" {
			t.Fatalf("%s: %d %s", show, p.status, p.body)
		}
		file := filepath.Join(t.TempDir(), "case.pdf")
		if err := os.WriteFile(file, []byte(p.body), 0o600); err != nil {
			t.Fatal(err)
		}
		read := func(options ...string) string {
			t.Helper()
			out, err := exec.Command("pdftotext", append(options, file, "-")...).Output()
			if err != nil {
				t.Fatal(err)
			}
			return string(out)
		}
		sheets := strings.Split(strings.TrimSuffix(read("-layout"), "\f"), "\f")
		if len(sheets) < 3 {
			t.Fatalf("%s: %d sheets are not a long case", show, len(sheets))
		}
		for i, text := range sheets {
			for _, want := range []string{mark, s.ours, "Trần Thị Lan", fmt.Sprintf("%d/%d", i+1, len(sheets))} {
				if !strings.Contains(text, want) && !strings.Contains(strings.ReplaceAll(text, " / ", "/"), want) {
					t.Errorf("%s: sheet %d lacks %q:\n%s", show, i+1, want, text)
				}
			}
			if strings.Contains(text, "(/") {
				t.Errorf("%s: sheet %d has an address:\n%s", show, i+1, text)
			}
		}
		numbers := 0
		for _, word := range regexp.MustCompile(`<word xMin="([0-9.-]+)" [^>]*>([^<]*)<`).FindAllStringSubmatch(read("-bbox"), -1) {
			if left, err := strconv.ParseFloat(word[1], 64); err != nil || left < 36 {
				t.Errorf("%s: %q begins %s points from the edge", show, word[2], word[1])
			}
			if regexp.MustCompile(`^[1-9][0-9]\.$`).MatchString(word[2]) {
				numbers++
			}
		}
		if numbers < 10 {
			t.Errorf("%s: only %d lines have a number from 10 up", show, numbers)
		}
		if dir := os.Getenv("CONSOLE_PICTURES"); dir != "" {
			if out, err := exec.Command("pdftoppm", "-png", "-r", "60", file, filepath.Join(dir, "sheets-"+show)).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
		}
	}
	s.quiet()
}

// However often a case was printed, its page has what happened in it, and paper a line
// for each print: who, why and how much.
func TestConsolePrintedOften(t *testing.T) {
	s := newScene(t)
	key := exchange.CaseKey{Partner: "KH", Case: exchange.NewID()}
	const messages, prints = 12, 12
	var asked []string
	for range messages {
		asked = append(asked, s.receivesIn(key.Case, exchange.TypeIdentityRequest, `{"subjects":[`+fmt.Sprintf(person, "")+`]}`).ID)
	}
	v, path := s.visitedBy("lan"), "/cases/KH/"+key.Case
	for i := range prints {
		if p := v.post(path+"/print", url.Values{"show": {"all"}, "reason": {fmt.Sprintf("họp lần %d", i/2)}}); p.status != 200 {
			t.Fatalf("%d %s", p.status, p.body)
		}
	}
	if n := len(s.vn.rows(exchange.Filter{Case: key.Case, Kind: exchange.KindAccess})); n != messages*prints {
		t.Fatalf("%d accesses are in the record", n)
	}
	page := v.get(path).body
	for _, id := range asked {
		if !strings.Contains(page, `href="/messages/KH/in/`+id+`"`) {
			t.Errorf("the page has no room for message %s", id)
		}
	}
	if times, each := strings.Count(page, fmt.Sprintf("%d lần<", prints)), strings.Count(page, fmt.Sprintf("%d thông điệp", messages)); times != 1 || each != prints || strings.Contains(page, "?before=") {
		t.Errorf("%d lines say that it was printed, of %d prints:\n%s", times, each, page)
	}
	paper := v.get(path + "/print").body
	if lines, why := strings.Count(paper, fmt.Sprintf("%d thông điệp", messages)), strings.Count(paper, "họp lần 5"); lines != prints || why != 2 {
		t.Errorf("paper has %d lines of %d prints, and %d of the last two", lines, prints, why)
	}
	s.quiet()
}
