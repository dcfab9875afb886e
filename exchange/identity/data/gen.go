//go:build ignore

// Gen writes hanviet.txt and variants.txt beside itself:
//
//	go run gen.go <folder of the npm package hanviet-pinyin-words> <Unihan_Variants.txt>
//
// The first comes from the npm registry, the second from Debian's package
// unicode-data (or from Unicode itself).
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/mozillazg/go-pinyin"
)

const hanvietHead = `# Sino-Vietnamese readings of traditional characters: character, tab, readings.
# From the npm package hanviet-pinyin-words 2.1.7, MIT licence, Copyright (c)
# 2024 Phong Phan; the pinyin of each reading is left out, that of the usual one
# stands first. See LICENSES.md.
`

const variantsHead = `# Simplified characters and the traditional ones they may stand for.
# From Unihan_Variants.txt (kTraditionalVariant) of Unicode 15.0.0, Unicode
# licence, modified: only this property, written out. See LICENSES.md.
`

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: go run gen.go hanviet-pinyin-words Unihan_Variants.txt")
	}
	if err := hanviet(os.Args[1]); err != nil {
		log.Fatal(err)
	}
	if err := variants(os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func hanviet(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, "src", "hanvietData.js"))
	if err != nil {
		return err
	}
	text = bytes.TrimSuffix(bytes.TrimSpace(bytes.TrimPrefix(text, []byte("export const hanvietData ="))), []byte(";"))
	var table map[string]map[string][]string
	if err := json.Unmarshal(text, &table); err != nil {
		return err
	}
	var lines []string
	for char, byPinyin := range table {
		r := []rune(char)
		if len(r) != 1 {
			continue
		}
		var readings []string
		for _, p := range ranked(byPinyin, r[0]) {
			for _, reading := range byPinyin[p] {
				if !slices.Contains(readings, reading) {
					readings = append(readings, reading)
				}
			}
		}
		if len(readings) > 0 {
			lines = append(lines, char+"\t"+strings.Join(readings, " "))
		}
	}
	return write("hanviet.txt", hanvietHead, lines)
}

// ranked puts the character's first Mandarin reading first, so that the first
// Sino-Vietnamese reading is the ordinary one.
func ranked(byPinyin map[string][]string, char rune) []string {
	usual := pinyin.SinglePinyin(char, pinyin.Args{Style: pinyin.Tone3})
	keys := slices.Sorted(maps.Keys(byPinyin))
	slices.SortStableFunc(keys, func(a, b string) int {
		rank := func(k string) int {
			if k == "*" || len(usual) > 0 && k == usual[0] {
				return 0
			}
			return 1
		}
		return rank(a) - rank(b)
	})
	return keys
}

func variants(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var lines []string
	for s := bufio.NewScanner(f); s.Scan(); {
		field := strings.Split(s.Text(), "\t")
		if len(field) != 3 || field[1] != "kTraditionalVariant" {
			continue
		}
		from, err := char(field[0])
		if err != nil {
			return err
		}
		var to strings.Builder
		for _, code := range strings.Fields(field[2]) {
			r, err := char(code)
			if err != nil {
				return err
			}
			if r != from {
				to.WriteRune(r)
			}
		}
		if to.Len() > 0 {
			lines = append(lines, string(from)+"\t"+to.String())
		}
	}
	return write("variants.txt", variantsHead, lines)
}

func char(code string) (rune, error) {
	n, err := strconv.ParseInt(strings.TrimPrefix(code, "U+"), 16, 32)
	return rune(n), err
}

func write(name, head string, lines []string) error {
	slices.Sort(lines)
	fmt.Println(name, len(lines))
	return os.WriteFile(name, []byte(head+strings.Join(lines, "\n")+"\n"), 0o644)
}
