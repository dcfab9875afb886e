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
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const hanvietHead = `# Sino-Vietnamese readings of traditional characters: character, tab, readings.
# From the npm package hanviet-pinyin-words 2.1.7, MIT licence, Copyright (c)
# 2024 Phong Phan; the pinyin of each reading is left out. See LICENSES.md.
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
		var readings []string
		for _, r := range byPinyin {
			readings = append(readings, r...)
		}
		slices.Sort(readings)
		if readings = slices.Compact(readings); len(readings) > 0 && len([]rune(char)) == 1 {
			lines = append(lines, char+"\t"+strings.Join(readings, " "))
		}
	}
	return write("hanviet.txt", hanvietHead, lines)
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
