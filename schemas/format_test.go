package schemas

import "testing"

// A file has one spelling: what decoders pass over in silence is no base64 here.
func TestBase64HasOneSpelling(t *testing.T) {
	for s, want := range map[string]bool{
		"": true, "aGk=": true, "aGk": false, "aGl=": false, "a-_=": false, " aGk=": false,
		"aG\nk=": false, "aG\r\nk=": false, "aGk=\n": false, "\raGk=": false,
	} {
		if got := isBase64(s); got != want {
			t.Errorf("%q: %v", s, got)
		}
	}
}
