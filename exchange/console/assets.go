package console

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"
)

//go:embed assets/*.css assets/*.js assets/*.svg assets/fonts/*
var assets embed.FS

// versionOfAssets names what is embedded by what is in it. It stands in the addresses, so
// that a page never meets the scripts of the program before it.
func versionOfAssets() (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(assets, "assets", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := assets.ReadFile(path)
		if err == nil {
			_, err = fmt.Fprintf(sum, "%s %d %s", path, len(data), data)
		}
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read what pages load: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil)[:6]), nil
}

// serveAsset serves what is the same for everybody and holds nothing of a case. A browser
// keeps it for as long as it likes, but under its own version alone: while a gateway of
// several processes is upgraded, one may be asked for what another's page has named.
func (c *Console) serveAsset(w http.ResponseWriter, r *http.Request) {
	version := chi.URLParam(r, "version")
	if version == c.languages.assets {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	http.ServeFileFS(w, r, assets, "assets/"+strings.TrimPrefix(r.URL.Path, "/assets/"+version+"/")) // #nosec G703 -- what is embedded, and nothing else
}
