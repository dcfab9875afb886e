package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Package encoding/json is lax where evidence must not be: of two members with
// one name it takes the last, and it takes "ISS" for "iss". Everything here
// goes through strictObject, which leaves one reading only.

var errJSON = errors.New("not one JSON object with each name once")

// strictObject reads an object whose names, at every depth, are unique.
func strictObject(data []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(data) || !json.Valid(data) || repeatsName(data) {
		return nil, errJSON
	}
	var out map[string]json.RawMessage
	if err := json.Unmarshal(data, &out); err != nil || out == nil {
		return nil, errJSON
	}
	return out, nil
}

// decodeClosed reads an object that has no other members than these, and
// returns them. Because the names are exact and unique, Unmarshal has no
// choice left.
func decodeClosed(data []byte, into any, names ...string) (map[string]json.RawMessage, error) {
	members, err := strictObject(data)
	if err != nil {
		return nil, err
	}
	for name := range members {
		if !slices.Contains(names, name) {
			return members, errors.New("it has a member that does not belong there")
		}
	}
	if json.Unmarshal(data, into) != nil {
		return members, errors.New("a member has the wrong type")
	}
	return members, nil
}

// repeatsName says whether an object of valid JSON has a name twice.
func repeatsName(data []byte) bool {
	var stack []map[string]bool // nil for an array
	name := false               // the next string is a name
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '{':
			stack, name = append(stack, map[string]bool{}), true
		case '[':
			stack, name = append(stack, nil), false
		case '}', ']':
			stack, name = stack[:len(stack)-1], false
		case ',':
			name = stack[len(stack)-1] != nil
		case '"':
			end := stringEnd(data, i)
			if name {
				s, names := unquote(data[i:end]), stack[len(stack)-1]
				if names[s] {
					return true
				}
				names[s], name = true, false
			}
			i = end - 1
		}
	}
	return false
}

// stringEnd returns where the string that begins at i ends in valid JSON.
func stringEnd(data []byte, i int) int {
	for i++; data[i] != '"'; i++ {
		if data[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// unquote reads a valid JSON string.
func unquote(raw []byte) string {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return string(raw) // valid JSON: cannot be
	}
	return s
}

// stringOf reads a member that is a string; ok is false for anything else,
// also when it is absent.
func stringOf(members map[string]json.RawMessage, name string) (s string, ok bool) {
	raw, ok := members[name]
	if !ok || len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	return unquote(raw), true
}

// intOf reads a member that is a whole number, written as plain digits.
func intOf(members map[string]json.RawMessage, name string) (n int64, ok bool) {
	raw := string(members[name])
	n, err := strconv.ParseInt(raw, 10, 64)
	return n, err == nil && strconv.FormatInt(n, 10) == raw
}

// decode64 reads base64url, and only in its one canonical form.
func decode64(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") { // which package base64 skips
		return nil, errors.New("a line end in base64url")
	}
	return base64.RawURLEncoding.Strict().DecodeString(s)
}

func encode64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// decodeHash reads a hash in standard base64.
func decodeHash(s string) (h [32]byte, ok bool) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != len(h) || base64.StdEncoding.EncodeToString(b) != s {
		return h, false
	}
	return [32]byte(b), true
}
