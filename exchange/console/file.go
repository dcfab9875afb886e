package console

import (
	"bytes"
	"encoding/base64"
	"errors"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"net/http"
	"strings"
)

// errUnknownFile is the error of a file that is not what its message says.
var errUnknownFile = errors.New("the file is not of the type that its message says")

// An imageType is a type of file that schemas know.
type imageType struct {
	ending string // of its name
	config func(io.Reader) (image.Config, error)
}

var imageTypes = map[string]imageType{"image/jpeg": {".jpg", jpeg.DecodeConfig}, "image/png": {".png", png.DecodeConfig}}

// maxSide is how many pixels a picture has on a side at most: a scanner makes fewer, and
// what is small and claims more is made to fill somebody's memory.
const maxSide = 20_000

// imageTypeOf returns the type of a file that is a picture, "" for anything else: one that
// only begins like a picture has no size.
func imageTypeOf(data []byte) string {
	kind := http.DetectContentType(data)
	known, ok := imageTypes[kind]
	if !ok {
		return ""
	}
	size, err := known.config(bytes.NewReader(data))
	if err != nil || size.Width < 1 || size.Height < 1 || size.Width > maxSide || size.Height > maxSide {
		return ""
	}
	return kind
}

// covering returns the hidden place that a place is in, as a Reveal names it.
func covering(hidden []string, place string) []string {
	for _, h := range hidden {
		if place == h || strings.HasPrefix(place, h+"/") {
			return []string{h}
		}
	}
	return nil
}

// sendFile sends the file at a place of a body that was just shown, as a
// download: no page ever renders what a partner made. What is not of the type
// that it claims is not sent.
func (v *visit) sendFile(name string, body any, place string) error {
	text, ok := at(body, place).(string)
	if !ok {
		return errNoPage
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return errNoPage
	}
	kind := imageTypeOf(data)
	if kind == "" || at(body, typeOfFile(place)) != kind {
		return errUnknownFile
	}
	h := v.w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", `attachment; filename="`+name+imageTypes[kind].ending+`"`)
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	http.ServeContent(v.w, v.r, "", v.now, bytes.NewReader(data))
	return nil
}
