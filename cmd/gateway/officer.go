package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/repatriation-exchange/gateway/certs"
	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/seal"
	"github.com/repatriation-exchange/gateway/partners"
)

func newOfficer() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "officer",
		Short: "Say who may act here: officers and systems, and the keys they release messages with",
		Long: `An officer is a person, or a national system, with an identity of its own:
a client certificate or an account at the identity provider, and a key that signs
what the officer decides. Every change is an entry of the record, and in force
with it. A running gateway sees it at the next request.`,
	}
	verbs(cmd)
	cmd.AddCommand(newOfficerAdd(), newOfficerSet(), newOfficerList(), newOfficerStatus("suspend", exchange.OfficerSuspended),
		newOfficerStatus("resume", exchange.OfficerActive), newOfficerKey(), newOfficerSign(), newOfficerInvite())
	return cmd
}

// officerFlags are what an officer's entry is made of.
type officerFlags struct {
	from            nodeFlag
	name            string
	roles, partners []string
	police          bool
	certificates    []string
	pins            []string
	issuer, subject string
	key             string
	made            partners.JWK // the key in that file: once, however often a change is made anew
	asJSON          bool
}

func (f *officerFlags) add(cmd *cobra.Command) {
	f.from.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.name, "name", "", "the name, for people")
	flags.StringSliceVar(&f.roles, "role", nil, "what the officer may do: "+roleNames()+"; may be given several times")
	flags.StringSliceVar(&f.partners, "partner", nil, "the `code` of a partner that the officer is assigned to, or '*' for all")
	flags.BoolVar(&f.police, "police", false, "may see and send police information")
	flags.StringSliceVar(&f.certificates, "certificate", nil, "a client certificate (PEM `file`) that the officer calls with")
	flags.StringSliceVar(&f.pins, "pin", nil, "the pin of such a certificate, sha256/…")
	flags.StringVar(&f.issuer, "oidc-issuer", "", "the identity provider's `issuer` that knows the officer")
	flags.StringVar(&f.subject, "oidc-subject", "", "what it calls the officer (sub)")
	flags.StringVar(&f.key, "key", "", "make a signing key in this `file` (mode 600); the officer keeps it")
	flags.BoolVar(&f.asJSON, "json", false, "print one JSON object")
}

func roleNames() string {
	names := make([]string, 0, len(exchange.Roles()))
	for _, r := range exchange.Roles() {
		names = append(names, string(r))
	}
	return strings.Join(names, ", ")
}

// apply puts what was given on the command line into an officer's entry.
func (f *officerFlags) apply(cmd *cobra.Command, o *exchange.Officer) error {
	if f.name != "" {
		o.Name = f.name
	}
	if cmd.Flags().Changed("role") {
		o.Roles = nil
		for _, r := range f.roles {
			o.Roles = append(o.Roles, exchange.Role(r))
		}
	}
	if cmd.Flags().Changed("partner") {
		o.Partners = f.partners
	}
	if cmd.Flags().Changed("police") {
		o.Police = f.police
	}
	if len(f.certificates)+len(f.pins) > 0 {
		o.Pins = nil
	}
	for _, path := range f.certificates {
		list, err := certs.ReadCertificates(path)
		if err != nil {
			return usageError{err}
		}
		o.Pins = append(o.Pins, certs.Pin(list[0]))
	}
	for _, pin := range f.pins {
		if err := certs.CheckPin(pin); err != nil {
			return usageError{err}
		}
		o.Pins = append(o.Pins, pin)
	}
	if (f.issuer == "") != (f.subject == "") {
		return usagef("--oidc-issuer and --oidc-subject belong together")
	}
	if f.issuer != "" {
		o.OIDC = []exchange.OIDCIdentity{{Issuer: f.issuer, Subject: f.subject}}
	}
	if f.key != "" {
		return f.addKey(o, f.key, false)
	}
	return nil
}

func newOfficerAdd() *cobra.Command {
	var f officerFlags
	cmd := &cobra.Command{
		Use:   "add ID --name NAME",
		Short: "Add an officer or a system",
		Args:  exactArgs("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.name == "" {
				return usagef("--name is required")
			}
			return f.change(cmd, args[0], func(o *exchange.Officer, known bool) error {
				if known {
					return hint(usagef("the officer %s is there already", args[0]), "change the entry with 'gateway officer set'")
				}
				o.Roles, o.Status = []exchange.Role{exchange.RoleOfficer}, exchange.OfficerActive
				return f.apply(cmd, o)
			})
		},
	}
	f.add(cmd)
	return cmd
}

func newOfficerSet() *cobra.Command {
	var f officerFlags
	cmd := &cobra.Command{
		Use:   "set ID",
		Short: "Change an officer's entry; what is not given stays",
		Args:  exactArgs("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.change(cmd, args[0], func(o *exchange.Officer, known bool) error {
				if !known {
					return noOfficer(args[0])
				}
				return f.apply(cmd, o)
			})
		},
	}
	f.add(cmd)
	return cmd
}

func newOfficerStatus(verb string, status exchange.OfficerStatus) *cobra.Command {
	var f officerFlags
	cmd := &cobra.Command{
		Use:   verb + " ID",
		Short: map[string]string{"suspend": "Suspend an officer at once, on open connections too", "resume": "Let a suspended officer act again"}[verb],
		Args:  exactArgs("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.change(cmd, args[0], func(o *exchange.Officer, known bool) error {
				if !known {
					return noOfficer(args[0])
				}
				o.Status = status
				return nil
			})
		},
	}
	f.from.add(cmd)
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print one JSON object")
	return cmd
}

func newOfficerKey() *cobra.Command {
	var f officerFlags
	var replace bool
	cmd := &cobra.Command{
		Use:   "key ID FILE",
		Short: "Make a signing key for an officer, in a file that only its owner can read",
		Long: `key makes a key in FILE, mode 600, and notes its public half with the officer.
What the officer signs with it releases or rejects drafts. The officer keeps the
file; the gateway needs it for nothing. Earlier keys stay valid unless --replace
is given: give it when one was lost or stolen.`,
		Args: exactArgs("ID", "FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.change(cmd, args[0], func(o *exchange.Officer, known bool) error {
				if !known {
					return noOfficer(args[0])
				}
				return f.addKey(o, args[1], replace)
			})
		},
	}
	f.from.add(cmd)
	cmd.Flags().BoolVar(&replace, "replace", false, "earlier keys of the officer do not count any more")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print one JSON object")
	return cmd
}

func newOfficerSign() *cobra.Command {
	return &cobra.Command{
		Use:   "sign KEY < STATEMENT",
		Short: "Sign a statement about a draft with an officer's key, away from the gateway",
		Long: `sign reads a statement as the officers' pages show it, says what it decides, and
prints it signed, to be handed in there. It needs the key and nothing else: no
gateway, no configuration.`,
		Args: exactArgs("KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), 16<<10))
			if err != nil {
				return fmt.Errorf("read the statement: %w", err)
			}
			s, err := exchange.ReadStatement(bytes.TrimSpace(text))
			if err != nil {
				return hint(usageError{err}, "copy the statement from the page of the draft as it stands")
			}
			signer, err := officerSigner(args[0])
			if err != nil {
				return err
			}
			signed, err := s.Sign(signer)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "%s signs: %s the draft %s, version %d\n", s.Officer, s.Decision, s.Draft, s.Version)
			_, err = fmt.Fprintln(cmd.OutOrStdout(), string(signed))
			return err
		},
	}
}

func newOfficerInvite() *cobra.Command {
	var from nodeFlag
	var reset bool
	cmd := &cobra.Command{
		Use:   "invite ID",
		Short: "Make a link that lets an officer in once, to add a passkey or choose a password",
		Long: `invite prints a link that works once and for three days. Give it to the officer
by a way that you trust: whoever opens it first signs in as the officer from then
on. A link that was made before does not work any more. When a device was lost or
a password became known, give --reset.`,
		Args: exactArgs("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := from.open(cmd.Context())
			if err != nil {
				return err
			}
			defer n.close()
			if n.cfg.Console == nil || n.cfg.Console.URL == "" {
				return hint(errors.New("the link needs the address of the officers' pages"), "write console.url in the configuration")
			}
			if _, known, err := n.officerEntry(cmd.Context(), args[0]); err != nil {
				return err
			} else if !known {
				return noOfficer(args[0])
			}
			if reset {
				if err := n.roster.Expel(cmd.Context(), "", args[0]); err != nil { // whatever way they came in
					return err
				}
			}
			token, err := n.roster.Invite(cmd.Context(), args[0], reset)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s/join/%s\n", strings.TrimSuffix(n.cfg.Console.URL, "/"), token)
			return err
		},
	}
	from.add(cmd)
	cmd.Flags().BoolVar(&reset, "reset", false, "the officer's passkeys and password do not count any more, and their sessions end")
	return cmd
}

// change makes one change to the roster, recorded as it comes into force.
func (f *officerFlags) change(cmd *cobra.Command, id string, change func(o *exchange.Officer, known bool) error) error {
	if !exchange.ValidOfficerID(id) {
		return usagef("an officer's identifier has 2 to 64 small letters, digits, dots or hyphens")
	}
	n, err := f.from.open(cmd.Context())
	if err != nil {
		return err
	}
	defer n.close()
	o, err := n.roster.Change(cmd.Context(), "", id, func(o *exchange.Officer, known bool) error {
		if err := change(o, known); err != nil {
			return err
		}
		if err := n.knowsPartners(o.Partners); err != nil {
			return err
		}
		if err := o.Check(); err != nil {
			return usageError{err}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if f.asJSON {
		return printJSON(cmd.OutOrStdout(), o)
	}
	return printOfficers(cmd.OutOrStdout(), []exchange.Officer{o})
}

// officerEntry finds an officer, active or not; a new one is empty.
func (n *node) officerEntry(ctx context.Context, id string) (o exchange.Officer, known bool, err error) {
	all, err := n.roster.All(ctx)
	if err != nil {
		return o, false, err
	}
	i := slices.IndexFunc(all, func(o exchange.Officer) bool { return o.ID == id })
	if i < 0 {
		return exchange.Officer{ID: id}, false, nil
	}
	return all[i], true, nil
}

// knowsPartners notices a mistyped code, which would assign an officer to
// nobody.
func (n *node) knowsPartners(codes []string) error {
	for _, code := range codes {
		if _, known := n.registry.Current().Partner(code); !known && code != exchange.EveryPartner {
			return hint(usagef("there is no partner %s", code), "'gateway partner list' shows the partners")
		}
	}
	return nil
}

// acting returns the active officer that a verb acts as.
func (n *node) acting(ctx context.Context, id string) (*exchange.Officer, error) {
	if id == "" {
		return nil, hint(usagef("--as is required: the officer who does this"), "'gateway officer list' shows the officers")
	}
	o, err := n.roster.Officer(ctx, id)
	if errors.Is(err, exchange.ErrNotFound) {
		return nil, hint(usagef("no active officer has the identifier %s", id), "'gateway officer list' shows the officers")
	}
	return o, err
}

func noOfficer(id string) error {
	return hint(usagef("there is no officer %s", id), "'gateway officer list' shows the officers")
}

// addKey makes a signing key and notes its public half.
func addKey(o *exchange.Officer, path string, replace bool) error {
	return new(officerFlags).addKey(o, path, replace)
}

func (f *officerFlags) addKey(o *exchange.Officer, path string, replace bool) (err error) {
	if f.made == nil {
		if f.made, err = newKey(path); err != nil {
			return err
		}
	}
	if replace {
		o.Keys = nil
	}
	o.Keys = append(o.Keys, f.made)
	return nil
}

// newKey makes a signing key in a file and returns its public half.
func newKey(path string) (partners.JWK, error) {
	key, err := certs.GenerateKey(certs.ES256)
	if err != nil {
		return nil, err
	}
	if err := certs.WritePrivateKey(path, key); err != nil {
		return nil, usageError{err}
	}
	signer, err := officerSigner(path)
	if err != nil {
		return nil, err
	}
	var jwk partners.JWK
	if err := json.Unmarshal(signer.Public().JWK(), &jwk); err != nil {
		return nil, fmt.Errorf("read a public key: %w", err)
	}
	return jwk, nil
}

// officerSigner opens an officer's signing key. Its name is its thumbprint: the
// file holds nothing but the key.
func officerSigner(path string) (*seal.Signer, error) {
	key, err := certs.LoadSigner(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, usageError{err}
	}
	if err != nil {
		return nil, err
	}
	algorithm, err := certs.Algorithm(key.Public())
	if err != nil {
		return nil, err
	}
	kid := seal.Key{Algorithm: algorithm, Public: key.Public()}.Thumbprint()
	return seal.NewSigner(key, kid, algorithm)
}

func newOfficerList() *cobra.Command {
	var from nodeFlag
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List officers and systems",
		Args:  exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			n, err := from.open(cmd.Context())
			if err != nil {
				return err
			}
			defer n.close()
			all, err := n.roster.All(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), append([]exchange.Officer{}, all...))
			}
			return printOfficers(cmd.OutOrStdout(), all)
		},
	}
	from.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printOfficers(w io.Writer, list []exchange.Officer) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "OFFICER\tSTATUS\tROLES\tPARTNERS\tPOLICE\tCERTIFICATES\tOIDC\tKEYS\tNAME")
	for i := range list {
		o := &list[i]
		roles := make([]string, len(o.Roles))
		for j, r := range o.Roles {
			roles[j] = string(r)
		}
		police := "no"
		if o.Police {
			police = "yes"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%s\n", o.ID, o.Status, strings.Join(roles, ","), strings.Join(o.Partners, ","), police, len(o.Pins), len(o.OIDC), len(o.Keys), o.Name)
	}
	return t.Flush()
}
