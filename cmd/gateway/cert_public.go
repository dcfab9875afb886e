package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/repatriation-exchange/gateway/certs"
	"github.com/repatriation-exchange/gateway/exchange/record"
	"github.com/repatriation-exchange/gateway/exchange/seal"
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
		TLS:         partners.TLS{Anchors: strings.ToLower(n.cfg.Self) + "-ca.pem", Pins: []string{certs.Pin(leaf[0])}},
		SigningKeys: []partners.SigningKey{{JWK: jwk}},
		Log:         &partners.Log{Origin: n.cfg.Log.Origin, VKey: n.logSigner.VerifierKey(), Witness: witnessKey},
	}, nil
}

// newCertKey makes one key: the next one of a rotation.
func newCertKey() *cobra.Command {
	var out, algorithm string
	cmd := &cobra.Command{
		Use:   "key --out FILE",
		Short: "Make one private key (file mode 600): for a new signing, TLS or witness key",
		Args:  exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if out == "" {
				return usagef("--out is required")
			}
			key, err := certs.GenerateKey(algorithm)
			if err != nil {
				return err
			}
			if err := certs.WritePrivateKey(out, key); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", out)
			return err
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "the key `file` to write")
	cmd.Flags().StringVar(&algorithm, "algorithm", certs.ES256, "the `algorithm`: ES256, ES384 or EdDSA")
	return cmd
}

// newCertJWK prints the public half of a signing key, as partners list it and
// as signing.retired keeps it.
func newCertJWK() *cobra.Command {
	var path, kid string
	cmd := &cobra.Command{
		Use:   "jwk --key FILE --kid NAME",
		Short: "Print the public key of a signing key as a JWK: for partners, and for signing.retired",
		Args:  exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if path == "" || kid == "" {
				return usagef("--key and --kid are required")
			}
			key, err := certs.LoadSigner(path)
			if err != nil {
				return usageError{err}
			}
			algorithm, err := certs.Algorithm(key.Public())
			if err != nil {
				return usageError{err}
			}
			signer, err := seal.NewSigner(key, kid, algorithm)
			if err != nil {
				return usageError{err}
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", signer.Public().JWK())
			return err
		},
	}
	cmd.Flags().StringVar(&path, "key", "", "the private key `file`")
	cmd.Flags().StringVar(&kid, "kid", "", "the `name` under which partners know it")
	return cmd
}
