package console

import (
	"bytes"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
)

// errUnknownFile is the error of a file that is not what its message says.
var errUnknownFile = errors.New("the file is none of the types that the schema knows")

// fileNames are the endings of the types of file that schemas know.
var fileNames = map[string]string{"image/jpeg": ".jpg", "image/png": ".png"}

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
// download: no page ever renders what a partner made. What does not look like
// the type that it claims is not sent.
func (v *visit) sendFile(name string, body any, place string) error {
	text, ok := at(body, place).(string)
	if !ok {
		return errNoPage
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return errNoPage
	}
	ending, ok := fileNames[http.DetectContentType(data)]
	if !ok {
		return errUnknownFile
	}
	h := v.w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", `attachment; filename="`+name+ending+`"`)
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	http.ServeContent(v.w, v.r, "", v.now, bytes.NewReader(data))
	return nil
}
