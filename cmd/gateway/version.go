package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/repatriation-exchange/gateway/exchange/export"
	"github.com/repatriation-exchange/gateway/exchange/store"
)

// version is what the build says of itself: make build sets it.
var version string

// A buildInfo says which program this is, and what it can read and write.
type buildInfo struct {
	Version string `json:"version"`
	Built   string `json:"built_from,omitempty"` // when the commit was made
	Program string `json:"program"`              // names these very bytes, whoever built them
	Go      string `json:"go"`
	Machine string `json:"machine"`
	Schema  int64  `json:"store_schema"`
	Bundles string `json:"evidence"`
}

func newVersion() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print which program this is, and the versions of what it reads and writes",
		Args:  exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			info := readBuild()
			if asJSON {
				return printJSON(cmd.OutOrStdout(), info)
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "gateway             %s\nprogram             %s\nbuilt with          %s for %s\nschema of the store %d\nevidence bundles    %s\n",
				info.Version, info.Program, info.Go, info.Machine, info.Schema, info.Bundles)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

func readBuild() buildInfo {
	info := buildInfo{
		Version: buildVersion(), Program: "sha256:" + programHash(), Go: runtime.Version(), Machine: runtime.GOOS + "/" + runtime.GOARCH,
		Schema: store.SchemaVersion(), Bundles: export.Format,
	}
	info.Built = buildSetting("vcs.time")
	return info
}

// buildVersion is what the build says, the commit it was built from, or the
// module's version; a build that knows none of them is named by its bytes.
func buildVersion() string {
	if version != "" {
		return version
	}
	if commit := buildSetting("vcs.revision"); len(commit) >= 12 {
		if buildSetting("vcs.modified") == "true" {
			return commit[:12] + "-modified"
		}
		return commit[:12]
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "unversioned-" + programHash()[:12]
}

func buildSetting(name string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == name {
				return s.Value
			}
		}
	}
	return ""
}

// programHash is the hash of the running program's file.
func programHash() string {
	hash := sha256.New()
	self, err := os.Executable()
	if err == nil {
		var file *os.File
		if file, err = os.Open(self); err == nil {
			_, err = io.Copy(hash, file)
			_ = file.Close() // it was only read
		}
	}
	if err != nil { // its file was replaced or is not readable
		return "unknown-program"
	}
	return hex.EncodeToString(hash.Sum(nil))
}
