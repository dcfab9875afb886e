package main

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// signsAt is how the demo's lines begin that sign for an officer of Viet Nam.
const signsAt = "bin/gateway officer sign "

// worksAtTheDesk follows the demo's link into the officers' pages and finds there
// what the stories have left, whatever was answered meanwhile: three questions with
// a running time limit, one of them over, each to be answered or refused; a person
// to be found by about her name; and a return, which two officers release by the
// commands that the demo has printed.
func (d *runningDemo) worksAtTheDesk(t *testing.T, said []string) {
	t.Helper()
	all := strings.Join(said, "\n")
	link := regexp.MustCompile(`(https://localhost:\d+)(/enter/\S+)`).FindStringSubmatch(all)
	signs := regexp.MustCompile(`(?m)^    (`+signsAt+`\S+/vn/officers/(\S+)\.key)$`).FindAllStringSubmatch(all, -1)
	if link == nil || len(signs) != 2 {
		t.Fatal(all)
	}
	newVisitor(t, link[1]).get(link[2]) // a browser that is closed again
	d.until(t, "  The link was followed.")
	next := strings.TrimPrefix(d.until(t, "  "+link[1])[0], "  "+link[1])
	if p := newVisitor(t, link[1]).get(link[2]); p.at.Query().Get("failed") != "link" {
		t.Errorf("the link works twice: %s", p.at)
	}
	v := newVisitor(t, link[1])
	to := v.get(next).at.Query().Get("to")
	work := v.post("/sign-in/demonstration", url.Values{"officer": {signs[0][2]}, "to": {to}})
	if over, due := strings.Count(work.body, `class="due due--over"`), strings.Count(work.body, `class="due`); work.at.Path != "/" || over != 1 || due != 3 {
		t.Errorf("at %s %d time limits run and %d of them are over: %s", work.at.Path, due, over, work.body)
	}
	drafts := regexp.MustCompile(`href="/drafts/([^"]+)"`).FindAllStringSubmatch(work.body, -1)
	if len(drafts) != 2 || drafts[0][1] != drafts[1][1] { // among the tasks, and in the list
		t.Fatalf("%d drafts wait: %s", len(drafts), work.body)
	}
	_, tasks, _ := strings.Cut(work.body, `id="tasks-title"`)
	tasks, _, _ = strings.Cut(tasks, "</section>")
	if begins := regexp.MustCompile(`href="(/cases/GB/|/cases/CN/|/drafts/|/cases/KH/|/find)`).FindAllString(tasks, -1); len(begins) != 5 || strings.Count(tasks, "<li>") != 5 {
		t.Errorf("the tasks are %s", tasks)
	}
	for _, pressing := range regexp.MustCompile(`(?s)class="due.*?href="(/cases/[^"]+)"`).FindAllStringSubmatch(work.body, -1) {
		if file := v.get(pressing[1]); !strings.Contains(file.body, "refuse=1") {
			t.Errorf("what %s asks cannot be refused: %s", pressing[1], file.body)
		}
	}
	eventually(t, "the person is found", func() bool {
		found := v.post("/find/person", url.Values{"name": {"mau bui thi"}, "birth": {"2002"}, "reason": {"người thân đến hỏi"}})
		return strings.Contains(found.body, "có thể là người này")
	})
	d.checked(t, v)
	d.release(t, v, drafts[0][1], signs)
}

// release lets each officer read a draft, sign the statement of its page with the
// printed command, and hand it in.
func (d *runningDemo) release(t *testing.T, v *visitor, draft string, signs [][]string) {
	t.Helper()
	for i, says := range []string{"Bạn đã ký. Khi thêm", "Bạn đã ký bản nháp; thông điệp đã được ký"} {
		v.post("/sign-in/demonstration", url.Values{"officer": {signs[i][2]}})
		statement, form, command := v.asksWith(v.reads(draft), draft, "release", "")
		if command != signs[i][1] {
			t.Errorf("the page says %q", command)
		}
		out, code := d.shell(t, "echo '"+statement+"' | "+signs[i][1])
		_, signed, ok := strings.Cut(out, "eyJ")
		if code != 0 || !ok {
			t.Fatalf("%s: %d %s", signs[i][1], code, out)
		}
		form.Set("signed", "eyJ"+signed)
		if p := v.post("/drafts/"+draft+"/decision", form); !strings.Contains(p.body, says) {
			t.Errorf("%s has released it: %d %s", signs[i][2], p.status, p.body)
		}
	}
}

// checked finds the check that the demo has made.
func (d *runningDemo) checked(t *testing.T, v *visitor) {
	t.Helper()
	if p := v.get("/record"); !strings.Contains(p.body, "Nhật ký nguyên vẹn") {
		t.Errorf("no check is in the record: %s", p.body)
	}
}
