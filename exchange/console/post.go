package console

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/schemas"
)

// badFile stands behind the place of a file that was not taken, with why.
const badFile = "#bad"

// fileLimit is how many bytes the file of a field has at most.
func fileLimit(f schemas.Field) int { return f.Limit / 4 * 3 }

// readForm reads a posted form, with its files as texts. It goes through it part by
// part: nothing of it is ever on a disk, and a form may have many fields.
func (c *Console) readForm(r *http.Request) error {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
		return r.ParseForm()
	}
	parts, err := r.MultipartReader()
	if err != nil {
		return fmt.Errorf("read a form: %w", err)
	}
	r.PostForm = url.Values{}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		var content []byte
		if err == nil {
			content, err = io.ReadAll(part)
		}
		if err != nil {
			return fmt.Errorf("read a form: %w", err)
		}
		if part.FileName() == "" && part.Header.Get("Content-Type") == "" {
			r.PostForm.Add(part.FormName(), string(content))
		} else if limit := c.fileAt(part.FormName()); limit > 0 && part.FileName() != "" {
			takeFile(r.PostForm, part.FormName(), content, limit)
		}
	}
}

// takeFile takes a file for a field, or says why not.
func takeFile(into url.Values, name string, content []byte, limit int) {
	kind := imageTypeOf(content)
	switch {
	case len(content) == 0:
		into.Set(name+badFile, "empty")
	case len(content) > limit:
		into.Set(name+badFile, "size")
	case kind == "":
		into.Set(name+badFile, "type")
	default:
		into.Set(name, base64.StdEncoding.EncodeToString(content))
		into.Set(typeOfFile(name), kind)
	}
}

// fileAt is how many bytes the file of a place may have; 0 where there is none.
func (c *Console) fileAt(pointer string) int {
	for _, t := range c.cfg.Catalogue.Types() {
		if f, ok := c.cfg.Catalogue.Field(t.Name, pointer); ok && f.Format == "base64" {
			return fileLimit(f)
		}
	}
	return 0
}

// typeOfFile is the place of the type of a file.
func typeOfFile(pointer string) string { return strings.TrimSuffix(pointer, "content") + "media_type" }

// badFiles says whether a file came with this post that was not taken.
func (t *typed) badFiles() bool {
	for name := range t.values {
		if strings.HasSuffix(name, badFile) {
			return true
		}
	}
	return false
}

// posted returns the form that a post leaves: what it is says the form that was
// kept before, or its first post.
func (c *Console) posted(v *visit, by *exchange.Officer) (exchange.Form, error) {
	post := v.r.PostForm
	version, err := strconv.ParseInt(post.Get("version"), 10, 64)
	if err != nil || version < 0 {
		version = 0
	}
	form := exchange.Form{ID: chi.URLParam(v.r, "id"), Partner: post.Get("to"), Case: post.Get("case"), Type: post.Get("type"), Values: only(post)}
	if version == 0 {
		return form, nil
	}
	before, err := c.cfg.Forms.Resume(v.r.Context(), by, form.ID)
	if err != nil {
		return exchange.Form{}, err
	}
	before.Version = version
	for name, values := range before.Values { // a file is posted once
		if posted := form.Values[name]; c.fileAt(name) > 0 && (len(posted) == 0 || posted[0] == "") {
			form.Values[name], form.Values[typeOfFile(name)] = values, before.Values[typeOfFile(name)]
		}
	}
	before.Values = form.Values
	return before, nil
}

// keepUnattended keeps a form that comes back when its officer is not signed in
// any more, and says so. With the ticket that the form carries it is kept for
// them; without it nothing is.
func (c *Console) keepUnattended(v *visit) (bool, error) {
	id := chi.URLParam(v.r, "id")
	holder, err := c.cfg.Forms.Holder(v.r.Context(), v.r.PostFormValue("ticket"), id)
	switch {
	case errors.Is(err, exchange.ErrNotFound) && v.officer == nil: // nobody it can be kept for
		q := url.Values{"undone": {"1"}}
		if version := v.r.PostFormValue("version"); version != "" && version != "0" {
			q.Set("to", "/write/"+id) // as it was kept before
		}
		return true, v.redirect("/sign-in?" + q.Encode())
	case errors.Is(err, exchange.ErrNotFound): // an old ticket, and somebody who may act
		if acts, err := c.acts(v); err != nil {
			return true, err
		} else if !acts {
			return true, v.redirect("/sign-in?undone=1")
		}
		return false, nil
	case err != nil:
		return true, err
	case v.officer != nil && v.officer.ID == holder.ID:
		return false, nil
	}
	if len(only(v.r.PostForm)) == 0 { // the button of a preview: there is nothing new
		return true, v.redirect(keptAt("/write/" + id))
	}
	byItself := v.r.PostFormValue("do") == "autosave"
	kept, err := c.keepFor(v, holder, !byItself)
	switch {
	case byItself && exchange.AsProblem(err).Rule == "form-version":
		return true, v.answer(http.StatusConflict, map[string]any{"said": v.s.T("form.conflict")})
	case err != nil:
		return true, err
	case byItself: // the page goes on from this version, and does not become two forms
		return true, v.answer(http.StatusUnauthorized, map[string]any{"version": kept.Version, "said": v.s.T("form.session_ended")})
	}
	return true, v.redirect(keptAt("/write/" + kept.ID))
}

// keptAt asks to sign in, and says that what was typed waits at an address.
func keptAt(to string) string {
	return "/sign-in?" + url.Values{"to": {to}, "kept": {"1"}}.Encode()
}

// keepFor keeps a form for an officer who is away. One that somebody has changed
// since is kept beside it, where beside says so.
func (c *Console) keepFor(v *visit, holder *exchange.Officer, beside bool) (exchange.Form, error) {
	form, err := c.posted(v, holder)
	if err != nil {
		return exchange.Form{}, err
	}
	form.Unattended = true
	version, err := c.cfg.Forms.Keep(v.r.Context(), holder, form)
	if beside && exchange.AsProblem(err).Rule == "form-version" {
		if form.Amends > 0 { // a draft has one form of an officer's; this one is of another message
			form.From, form.Amends = form.ID, 0
		}
		form.ID, form.Version = exchange.NewID(), 0
		version, err = c.cfg.Forms.Keep(v.r.Context(), holder, form)
	}
	form.Version = version
	return form, err
}
