package console

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/repatriation-exchange/gateway/exchange"
)

// What a case on paper may hold.
const (
	printedLines    = 500 // of its life
	printedMessages = 60  // with all that they say
)

// A printView is a case as it goes on paper.
type printView struct {
	caseView
	Messages []messageView
	Left     bool // there is more than fits
	Personal bool // nothing is masked
	Press    bool // it can be had as a PDF
	Reveal   reveal
}

// printPage shows a case for paper: masked, or with everything once a reason is
// given, and then every message on it is in the record as printed. As a PDF it
// is the same page.
func (c *Console) printPage(v *visit) error {
	key := caseOf(v)
	show := v.r.PostFormValue("show") // "" on a plain visit; pdf, all, all-pdf
	var want exchange.Reveal
	if strings.HasPrefix(show, "all") {
		want = exchange.Reveal{Reason: strings.TrimSpace(v.r.PostFormValue("reason")), Fields: []string{""}, Printed: true}
	}
	status, fault := http.StatusOK, ""
	view, err := c.printView(v, key, want)
	if fault = faultOf(err); err != nil && fault != "" {
		status = http.StatusUnprocessableEntity
		view, err = c.printView(v, key, exchange.Reveal{})
	}
	if err != nil {
		return err
	}
	view.Reveal = c.revealOf(v, 0, want, fault)
	if fault == "" && strings.HasSuffix(show, "pdf") && view.Press {
		err := c.sendPDF(v, view)
		if err == nil {
			return nil
		}
		status, view.Reveal.Fault = http.StatusServiceUnavailable, "print.failed"
		if errors.Is(err, errPressBusy) {
			view.Reveal.Fault = "print.busy"
		} else {
			c.cfg.Logger.Error("a case could not be printed", "error", err)
		}
	}
	_, title := oneFault("reason", view.Reveal.Fault).titled(v, v.s.T("print.title"))
	return c.show(v, status, "print", title, "cases", view)
}

// printView gathers what stands on the paper; want says whether masked.
func (c *Console) printView(v *visit, key exchange.CaseKey, want exchange.Reveal) (printView, error) {
	whole, err := c.caseView(v, key)
	if err != nil {
		return printView{}, err
	}
	view := printView{caseView: whole, Personal: want.Printed && !whole.Erased, Press: c.cfg.Press != nil}
	if view.Timeline, view.Left, err = c.life(v, key, 0, false, printedLines, foldPrints); err != nil {
		return printView{}, err
	}
	var messages []exchange.MessageKey
	for _, e := range view.Timeline { // the newest are never what is left out
		if e.Path == "" || whole.Erased {
			continue
		}
		if len(messages) == printedMessages {
			view.Left = true
			break
		}
		messages = append(messages, e.Message)
	}
	slices.Reverse(view.Timeline) // paper is read from its beginning
	for _, message := range slices.Backward(messages) {
		seen, err := c.cfg.Sight.Message(v.r.Context(), v.officer, message, want)
		if err != nil {
			return printView{}, err
		}
		view.Messages = append(view.Messages, c.messageView(v, seen, nil))
	}
	return view, nil
}

// sendPDF prints a view and sends it as a file.
func (c *Console) sendPDF(v *visit, view printView) error {
	page, err := c.paper(v, view)
	if err != nil {
		return err
	}
	pdf, err := c.cfg.Press.PDF(v.r.Context(), page)
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "application/pdf")
	v.w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": view.Line.Partner.Code + "-" + view.Line.Case + ".pdf"}))
	_, _ = v.w.Write(pdf) // the asker is gone when this fails
	return nil
}

// paper renders a view as a page that refers to nothing outside of itself: its
// styles are in it, and those slices of the fonts that it has letters of.
func (c *Console) paper(v *visit, view printView) ([]byte, error) {
	f := c.frame(v, v.s.T("print.title"), "", view)
	sheet := struct {
		frame
		Style template.CSS
	}{frame: f}
	render := func() ([]byte, error) {
		var out bytes.Buffer
		err := v.s.pages.render(&out, "print", "paper.html", sheet)
		return out.Bytes(), err
	}
	bare, err := render()
	if err != nil {
		return nil, err
	}
	style, err := lettersOf(string(bare))
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"govuk.css", "console.css"} {
		css, err := assets.ReadFile("assets/" + name)
		if err != nil {
			return nil, fmt.Errorf("read a style sheet: %w", err)
		}
		style += string(css)
	}
	sheet.Style = template.CSS(style) // #nosec G203 -- our own style sheets
	return render()
}
