package console

import (
	"context"
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
)

// readForm reads a posted form, with its files as texts.
func readForm(r *http.Request) error {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
		return r.ParseForm()
	}
	if err := r.ParseMultipartForm(maxWritten); err != nil {
		return err
	}
	for name, files := range r.MultipartForm.File {
		file, err := files[0].Open()
		if err != nil {
			return fmt.Errorf("open an uploaded file: %w", err)
		}
		content, err := io.ReadAll(file)
		if closeErr := file.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			return fmt.Errorf("read an uploaded file: %w", err)
		}
		r.PostForm.Set(name, base64.StdEncoding.EncodeToString(content))
		r.PostForm.Set(strings.TrimSuffix(name, "content")+"media_type", http.DetectContentType(content))
	}
	return nil
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
	for _, f := range c.cfg.Catalogue.Fields(before.Type) {
		if f.Format != "base64" {
			continue
		}
		for name, values := range before.Values { // a file is posted once
			if pattern(name) == f.Pointer && form.Values[name] == nil {
				form.Values[name] = values
			}
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
	case errors.Is(err, exchange.ErrNotFound) && v.officer == nil:
		return true, v.redirect(signInAt("/write/" + id))
	case errors.Is(err, exchange.ErrNotFound): // an old ticket, and somebody who may act
		return false, nil
	case err != nil:
		return true, err
	case v.officer != nil && v.officer.ID == holder.ID:
		return false, nil
	}
	if len(only(v.r.PostForm)) > 0 {
		if err := c.keepFor(v.r.Context(), v, holder); err != nil {
			return true, err
		}
	}
	if v.r.PostFormValue("do") == "autosave" {
		return true, v.answer(http.StatusUnauthorized, map[string]any{"said": v.s.T("form.session_ended")})
	}
	return true, v.redirect("/sign-in?" + url.Values{"to": {"/write/" + id}, "kept": {"1"}}.Encode())
}

// keepFor keeps a form for an officer who is away. One that somebody has changed
// since is kept beside it.
func (c *Console) keepFor(ctx context.Context, v *visit, holder *exchange.Officer) error {
	form, err := c.posted(v, holder)
	if err != nil {
		return err
	}
	form.Unattended = true
	_, err = c.cfg.Forms.Keep(ctx, holder, form)
	if exchange.AsProblem(err).Rule == "form-version" {
		form.ID, form.Version = exchange.NewID(), 0
		_, err = c.cfg.Forms.Keep(ctx, holder, form)
	}
	return err
}
