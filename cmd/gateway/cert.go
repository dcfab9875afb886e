package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/repatriation-exchange/gateway/certs"
	"github.com/repatriation-exchange/gateway/exchange/record"
	"github.com/repatriation-exchange/gateway/exchange/seal"
)

func newCert() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cert",
		Short: "Make keys, certificate requests and a test authority, and show what expires",
	}
	verbs(cmd)
	cmd.AddCommand(newCertKeys(), newCertCSR(), newCertCA(), newCertIssue(), newCertRevoke(), newCertShow(), newCertExpiry(), newCertPublic(), newCertKey(), newCertJWK())
	return cmd
}

// newCertKeys makes everything secret that a new gateway needs.
func newCertKeys() *cobra.Command {
	var dir, origin, algorithm string
	cmd := &cobra.Command{
		Use:   "keys --dir DIR --origin ORIGIN",
		Short: "Make the keys of a new gateway: TLS, signing, log and encryption (files mode 600)",
		Args:  exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" || origin == "" {
				return usagef("--dir and --origin are required")
			}
			made, err := makeKeys(dir, origin, algorithm)
			if err != nil {
				return err
			}
			for _, line := range made {
				fmt.Fprintln(cmd.OutOrStdout(), line)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "the `folder` for the keys")
	cmd.Flags().StringVar(&origin, "origin", "", "the log's `origin`, such as vn.gateway.example/repatriation-log")
	cmd.Flags().StringVar(&algorithm, "algorithm", certs.ES256, "the signing `algorithm`: ES256, ES384 or EdDSA")
	return cmd
}

// makeKeys writes the keys of a gateway and says what was made. Everything is
// drawn before anything is written: a mistake leaves no half a set.
func makeKeys(dir, origin, algorithm string) ([]string, error) {
	logKey, err := record.GenerateLogKey(origin)
	if err != nil {
		return nil, usageError{err}
	}
	logText, err := record.MarshalLogKey(origin, logKey)
	if err != nil {
		return nil, usageError{err}
	}
	type secret struct {
		file, what string
		write      func(path string) error
	}
	var secrets []secret
	for _, k := range []struct{ file, algorithm, what string }{
		{"tls.key", certs.ES256, "TLS key"}, {"signing.key", algorithm, "signing key"}, {"witness.key", certs.EdDSA, "witness key"},
	} {
		key, err := certs.GenerateKey(k.algorithm)
		if err != nil {
			return nil, err
		}
		secrets = append(secrets, secret{k.file, k.what, func(path string) error { return certs.WritePrivateKey(path, key) }})
	}
	secrets = append(secrets,
		secret{"log.key", "log key", func(path string) error { return writeSecret(path, logText) }},
		secret{"encryption.json", "encryption keys", seal.CreateKEKFile},
		secret{"index.key", "index key", writeIndexKey})
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the keys' folder: %w", err)
	}
	var made []string
	for _, s := range secrets {
		path := filepath.Join(dir, s.file)
		if err := s.write(path); err != nil {
			return nil, err
		}
		made = append(made, fmt.Sprintf("%-16s %s", s.what, path))
	}
	return made, nil
}

// writeSecret writes a new file that only its owner can read.
func writeSecret(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return hint(usagef("%s exists already", path), "a key is never overwritten; choose another folder, or move the old key away")
	}
	if err != nil {
		return fmt.Errorf("write a key: %w", err)
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

func newCertCSR() *cobra.Command {
	var key, name, org, country string
	var hosts []string
	cmd := &cobra.Command{
		Use:   "csr --key FILE --host NAME",
		Short: "Print a certificate request for a TLS key",
		Args:  exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if key == "" || len(hosts) == 0 {
				return usagef("--key and at least one --host are required")
			}
			signer, err := certs.ReadPrivateKey(key)
			if err != nil {
				return usageError{err}
			}
			dns, ips := splitHosts(hosts)
			if name == "" {
				name = hosts[0]
			}
			csr, err := certs.CreateCSR(signer, certs.CSRRequest{CommonName: name, Organization: org, Country: country, DNSNames: dns, IPs: ips})
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(csr)
			return err
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "the TLS key `file`")
	cmd.Flags().StringSliceVar(&hosts, "host", nil, "a DNS `name` or IP address under which partners reach this gateway")
	cmd.Flags().StringVar(&name, "name", "", "the common `name` (the first host when empty)")
	cmd.Flags().StringVar(&org, "organization", "", "the agency's `name`")
	cmd.Flags().StringVar(&country, "country", "", "the two-letter `code`")
	return cmd
}

func splitHosts(hosts []string) (dns []string, ips []net.IP) {
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			ips = append(ips, ip)
		} else {
			dns = append(dns, h)
		}
	}
	return dns, ips
}

func newCertCA() *cobra.Command {
	var dir, name string
	cmd := &cobra.Command{
		Use:   "ca --dir DIR",
		Short: "Make a small authority for tests, demonstrations and pilots",
		Args:  exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" {
				return usagef("--dir is required")
			}
			ca, err := certs.NewAuthority(certs.AuthorityConfig{Dir: dir, CommonName: name, Now: time.Now})
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "authority   %s\nfingerprint %s\n", filepath.Join(dir, "ca.pem"), certs.Fingerprint(ca.Certificate()))
			return err
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "the authority's `folder`")
	cmd.Flags().StringVar(&name, "name", "Test authority", "the authority's `name`")
	return cmd
}

func newCertIssue() *cobra.Command {
	var dir, csrFile, out string
	var days int
	cmd := &cobra.Command{
		Use:   "issue --ca DIR --csr FILE --out FILE",
		Short: "Sign a certificate request with the test authority",
		Args:  exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" || csrFile == "" || out == "" {
				return usagef("--ca, --csr and --out are required")
			}
			ca, err := certs.LoadAuthority(dir, time.Now)
			if err != nil {
				return usageError{err}
			}
			csr, err := os.ReadFile(csrFile)
			if err != nil {
				return usageError{fmt.Errorf("read the request: %w", err)}
			}
			leaf, err := ca.Issue(certs.IssueRequest{CSR: csr, Lifetime: time.Duration(days) * 24 * time.Hour})
			if err != nil {
				return err
			}
			if err := certs.WriteCertificates(out, leaf); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "certificate %s\nserial      %s\npin         %s\nexpires     %s\n", out, certs.FormatSerial(leaf.SerialNumber), certs.Pin(leaf), leaf.NotAfter.Format(time.DateOnly))
			return err
		},
	}
	cmd.Flags().StringVar(&dir, "ca", "", "the authority's `folder`")
	cmd.Flags().StringVar(&csrFile, "csr", "", "the request `file`")
	cmd.Flags().StringVar(&out, "out", "", "the certificate `file` to write")
	cmd.Flags().IntVar(&days, "days", 90, "how long it is valid")
	return cmd
}

func newCertRevoke() *cobra.Command {
	var dir, serial, crl string
	var hours int
	cmd := &cobra.Command{
		Use:   "revoke --ca DIR --serial HEX --crl FILE",
		Short: "Revoke a certificate of the test authority and write its revocation list",
		Args:  exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" || crl == "" {
				return usagef("--ca and --crl are required")
			}
			ca, err := certs.LoadAuthority(dir, time.Now)
			if err != nil {
				return usageError{err}
			}
			if serial != "" {
				number, err := certs.ParseSerial(serial)
				if err != nil {
					return usageError{err}
				}
				if err := ca.Revoke(number); err != nil {
					return err
				}
			}
			if err := ca.WriteCRL(crl, time.Now().Add(time.Duration(hours)*time.Hour)); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "revocation list %s\n", crl)
			return err
		},
	}
	cmd.Flags().StringVar(&dir, "ca", "", "the authority's `folder`")
	cmd.Flags().StringVar(&serial, "serial", "", "the certificate's serial number; empty renews the list only")
	cmd.Flags().StringVar(&crl, "crl", "", "the list `file` to write")
	cmd.Flags().IntVar(&hours, "hours", 7*24, "until the next list is due")
	return cmd
}

func newCertShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show FILE",
		Short: "Show the certificates in a file: names, pin, serial, expiry",
		Args:  exactArgs("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			list, err := certs.ReadCertificates(args[0])
			if err != nil {
				return usageError{err}
			}
			for _, c := range list {
				fmt.Fprintf(cmd.OutOrStdout(), "subject     %s\nissuer      %s\nnames       %s\nserial      %s\npin         %s\nfingerprint %s\nvalid       %s to %s\n",
					c.Subject, c.Issuer, strings.Join(namesOf(c.DNSNames, c.IPAddresses), " "), certs.FormatSerial(c.SerialNumber), certs.Pin(c), certs.Fingerprint(c),
					c.NotBefore.Format(time.DateOnly), c.NotAfter.Format(time.DateOnly))
			}
			return nil
		},
	}
}

func namesOf(dns []string, ips []net.IP) []string {
	out := append([]string{}, dns...)
	for _, ip := range ips {
		out = append(out, ip.String())
	}
	return out
}

func newCertExpiry() *cobra.Command {
	var soon int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "expiry FILE...",
		Short: "Show what expires when: certificates and revocation lists, the first to end first",
		Long: `expiry reads certificates and revocation lists and prints when each ends.

Exit code 1: something has expired or ends within --days.`,
		Args: someFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			list, err := certs.ListExpiry(args, time.Now(), time.Duration(soon)*24*time.Hour)
			if err != nil {
				return usageError{err}
			}
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), list)
			} else {
				err = printExpiry(cmd, list)
			}
			for _, e := range list {
				if err == nil && e.Status != certs.ExpiryOK {
					err = fmt.Errorf("%s is %s", e.Path, e.Status)
				}
			}
			return err
		},
	}
	cmd.Flags().IntVar(&soon, "days", 14, "what counts as soon")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func someFiles(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usagef("name at least one file")
	}
	return nil
}

func printExpiry(cmd *cobra.Command, list []certs.Expiry) error {
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "DAYS\tSTATUS\tKIND\tENDS\tFILE\tSUBJECT")
	for _, e := range list {
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\n", e.DaysLeft, e.Status, e.Kind, e.NotAfter.Format(time.DateOnly), e.Path, e.Subject)
	}
	return w.Flush()
}
