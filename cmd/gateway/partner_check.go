package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/repatriation-exchange/gateway/certs"
	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/partners"
	"github.com/repatriation-exchange/gateway/schemas"
)

func newPartnerCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE",
		Short: "Explain what is wrong with a partner, agreement or calendar file, with line numbers",
		Long: `check reads one file of a registry as a gateway would: its form, its keys, trust
anchors and revocation list, the message types and fields that it names, and
whether it goes together with the other files of the registry it lies in.`,
		Args: exactArgs("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			catalogue, err := schemas.Load()
			if err != nil {
				return fmt.Errorf("load the schemas: %w", err)
			}
			notes, err := partners.CheckFile(args[0], exchange.Types{Catalogue: catalogue}, checkPartner)
			for _, note := range notes {
				fmt.Fprintf(cmd.ErrOrStderr(), "%s: note: %s\n", args[0], note)
			}
			if err != nil {
				return usageError{err}
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: nothing is wrong with this file\n", args[0])
			return err
		},
	}
}

// checkPartner finds what a gateway could not use of a partner's file. Loading
// asks it, and so does partner check.
func checkPartner(p *partners.Partner) []partners.Fault {
	return append(exchange.CheckPartner(p), checkTLS(p)...)
}

func checkTLS(p *partners.Partner) []partners.Fault {
	var out []partners.Fault
	fault := func(err error, at string, args ...any) {
		out = append(out, partners.Fault{Pointer: fmt.Sprintf(at, args...), Detail: err.Error()})
	}
	for i, pin := range p.TLS.Pins {
		if err := certs.CheckPin(pin); err != nil {
			fault(err, "/tls/pins/%d", i)
		}
	}
	for i, serial := range p.TLS.Revoked {
		if _, err := certs.ParseSerial(serial); err != nil {
			fault(err, "/tls/revoked/%d", i)
		}
	}
	if p.TLS.AnchorsPEM == nil {
		return out // the file cannot be read, which is said already
	}
	anchors, err := certs.ParseCertificates(p.TLS.AnchorsPEM)
	if err != nil {
		fault(err, "/tls/anchors")
		return out
	}
	if len(out) > 0 {
		return out
	}
	trust := certs.TrustConfig{Anchors: anchors, Pins: p.TLS.Pins, RevokedSerials: p.TLS.Revoked, Now: time.Now}
	if _, err := certs.NewTrust(trust); err != nil {
		fault(err, "/tls/anchors")
		return out
	}
	if p.TLS.CRLGrace > certs.MaxGrace {
		fault(fmt.Errorf("a grace of more than %s would switch revocation off", certs.MaxGrace), "/tls/crl_grace")
		return out
	}
	if p.TLS.CRL != "" {
		if _, err := certs.NewCRLs(crlConfig(p, anchors, time.Now)); err != nil {
			fault(err, "/tls/crl")
		}
	}
	return out
}
