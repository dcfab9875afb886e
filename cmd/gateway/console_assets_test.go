package main

import (
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What a page loads is kept by browsers for a year, under an address that changes with
// it; under any other version it is kept by nobody, so that an old script never runs on a
// new page, however the gateway's processes are upgraded.
func TestConsoleAssets(t *testing.T) {
	o := newOffice(t, ConsoleConfig{ClientCertificates: true})
	v := newVisitor(t, o.address)
	var found []string
	for _, m := range regexp.MustCompile(`(?:href|src)="(/assets/[^"]+)"`).FindAllStringSubmatch(v.get("/sign-in").body, -1) {
		found = append(found, m[1])
	}
	if len(found) < 4 {
		t.Fatalf("the page loads %v", found)
	}
	sheet := found[slices.IndexFunc(found, func(at string) bool { return path.Base(at) == "fonts.css" })]
	letters := regexp.MustCompile(`url\(([^)]+\.woff2)\)`).FindStringSubmatch(v.get(sheet).body)
	if letters == nil {
		t.Fatal("the style sheet names no letters")
	}
	found = append(found, path.Join(path.Dir(sheet), letters[1]))
	version := regexp.MustCompile(`^/assets/[0-9a-f]{12}/`)
	for _, at := range found {
		p := v.get(at)
		if !version.MatchString(at) || p.status != http.StatusOK || p.header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("%s: %d, kept %q", at, p.status, p.header.Get("Cache-Control"))
		}
		old := v.get(version.ReplaceAllString(at, "/assets/000000000000/"))
		if old.status != http.StatusOK || old.header.Get("Cache-Control") != "no-store" || old.body != p.body {
			t.Errorf("%s of another version: %d, kept %q", at, old.status, old.header.Get("Cache-Control"))
		}
	}
	for _, at := range []string{"/assets/console.css", "/assets/x/doc.go", "/assets/x/..%2fconsole.go", "/assets/x/fonts/"} {
		if p := v.get(at); p.status != http.StatusNotFound || strings.Contains(p.body, "package") {
			t.Errorf("%s: %d", at, p.status)
		}
	}
}
