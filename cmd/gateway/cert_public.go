package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/repatriation-exchange/gateway/certs"
	"github.com/repatriation-exchange/gateway/exchange/record"
	"github.com/repatriation-exchange/gateway/partners"
)

// newCertPublic prints what a partner must know of us.
func newCertPublic() *cobra.Command {
	var from nodeFlag
	var endpoint string
	cmd := &cobra.Command{
		Use:   "public --config FILE",
		Short: "Print the partner file that the other side needs about this gateway: public keys and pins only",
		Long: `public prints a partner file about this gateway, for the other side's registry:
its pin, its public signing key, and the keys of its log and its witness. Send it
over another channel than the one it opens, and compare the pin and the
thumbprint by telephone. The other side adds our authority's certificate.`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, log, err := from.load()
			if err != nil {
				return err
			}
			n := &node{cfg: cfg, log: log}
			if err := n.openIdentity(); err != nil {
				return err
			}
			if n.logSigner, err = loadLogKey(cfg.Log.Origin, cfg.Log.Key); err != nil {
				return err
			}
			file, err := n.publicFile(endpoint)
			if err != nil {
				return err
			}
			text, err := yaml.Marshal(file)
			if err != nil {
				return fmt.Errorf("write the file: %w", err)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "# Public facts about the gateway %s; signing key thumbprint (RFC 7638) %s\n%s", cfg.Self, n.signer.Public().Thumbprint(), text)
			return err
		},
	}
	from.add(cmd)
	cmd.Flags().StringVar(&endpoint, "endpoint", "https://CHANGE-ME.example:8443", "the `URL` under which partners reach this gateway")
	return cmd
}

// publicFile is the partner file about this gateway.
func (n *node) publicFile(endpoint string) (*partners.Partner, error) {
	leaf, err := certs.ReadCertificates(n.cfg.TLS.Certificate)
	if err != nil {
		return nil, err
	}
	witness, err := loadWitnessKey(n.cfg.Witness.Key)
	if err != nil {
		return nil, err
	}
	witnessKey, err := record.WitnessVerifierKey(n.cfg.Witness.Name, witness)
	if err != nil {
		return nil, err
	}
	var jwk partners.JWK
	if err := json.Unmarshal(n.signer.Public().JWK(), &jwk); err != nil {
		return nil, fmt.Errorf("read the public key: %w", err)
	}
	return &partners.Partner{
		Code: n.cfg.Self, Name: partners.Text{EN: n.cfg.Name}, Status: partners.Active, Endpoint: endpoint,
		TLS:         partners.TLS{Anchors: "ca.pem", Pins: []string{certs.Pin(leaf[0])}},
		SigningKeys: []partners.SigningKey{{JWK: jwk}},
		Log:         &partners.Log{Origin: n.cfg.Log.Origin, VKey: n.logSigner.VerifierKey(), Witness: witnessKey},
	}, nil
}
