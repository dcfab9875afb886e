package main

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/png"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A photograph is never a part of a page: an officer who has seen that there is
// one takes it away as a file, and the record says so first. What only claims to
// be a photograph stays where it is.
func TestConsoleTakesAPhotograph(t *testing.T) {
	s := newScene(t)
	s.vn.permitPhotographs()
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	photo := func(data []byte) string {
		return `,"photo":{"media_type":"image/png","content":"` + base64.StdEncoding.EncodeToString(data) + `"}`
	}
	var real, forged, begun, other string
	s.receives(exchange.TypeIdentityRequest, asked(photo(picture.Bytes())), func(c exchange.Claims) { real = "/messages/KH/in/" + c.ID })
	s.receives(exchange.TypeIdentityRequest, asked(photo([]byte("<html><script>1</script>"))), func(c exchange.Claims) { forged = "/messages/KH/in/" + c.ID })
	s.receives(exchange.TypeIdentityRequest, asked(photo(append(slices.Clone(picture.Bytes()[:8]), "<html><script>1</script>"...))), func(c exchange.Claims) { begun = "/messages/KH/in/" + c.ID })
	s.receives(exchange.TypeIdentityRequest, asked(strings.Replace(photo(picture.Bytes()), "image/png", "image/jpeg", 1)), func(c exchange.Claims) { other = "/messages/KH/in/" + c.ID })

	v := s.visitedBy("lan")
	_, id := path.Split(real)
	message, err := s.vn.node.db.Message(t.Context(), exchange.MessageKey{Lane: exchange.Lane{Partner: "KH", Direction: exchange.In}, ID: id})
	if err != nil {
		t.Fatal(err)
	}
	if p := v.get("/cases/KH/" + message.Case); !strings.Contains(p.body, "Tệp đính kèm") || strings.Count(p.body, `href="`+real+`"`) != 2 || !strings.Contains(p.body, `href="`+real+`/proof"`) {
		t.Error("the page of the case does not say what its messages carry, or where their proofs are")
	}
	const place, reason = "/subjects/0/photo/content", "to compare with the register"
	take := url.Values{"file": {place}, "reason": {reason}}
	if p := v.post(real, url.Values{"field": {"/subjects/0/photo"}, "reason": {reason}}); !strings.Contains(p.body, `name="file" value="`+place+`"`) || !strings.Contains(p.body, `name="reason" value="`+reason+`"`) {
		t.Errorf("a photograph that is shown cannot be taken away: %s", p.body)
	}
	p := v.post(real, take)
	if p.status != 200 || p.body != picture.String() || p.header.Get("Content-Type") != "application/octet-stream" ||
		!strings.HasPrefix(p.header.Get("Content-Disposition"), "attachment; ") || !strings.Contains(p.header.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("%d %v", p.status, p.header)
	}
	accesses := s.vn.rows(exchange.Filter{Kind: exchange.KindAccess})
	if len(accesses) != 2 {
		t.Errorf("%d accesses are in the record", len(accesses))
	}
	for what, at := range map[string]string{"what is no photograph": forged, "what only begins like one": begun, "what is of another type": other} {
		if p := v.post(at, take); p.status != 422 || strings.Contains(p.body, "<script>1") || !strings.Contains(p.body, "Tệp không đúng loại") {
			t.Errorf("%s: %d", what, p.status)
		}
	}
	if p := v.post(real, url.Values{"file": {place}}); p.status != 422 || strings.Contains(p.body, "PNG") {
		t.Errorf("without a reason: %d", p.status)
	}
	if p := v.post(real, url.Values{"file": {"/subjects/0/name/native"}, "reason": {reason}}); p.status != 404 && p.status != 422 {
		t.Errorf("a name as a file: %d", p.status)
	}
	if p := v.post(real, url.Values{"file": {"/nothing"}, "reason": {reason}}); p.status != 422 {
		t.Errorf("nothing: %d", p.status)
	}
	s.quiet()
}
