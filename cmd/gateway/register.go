package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"strings"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/identity"
)

// writeIndexKey makes the key of the blind index of persons.
func writeIndexKey(path string) error {
	key := make([]byte, identity.KeySize)
	if _, err := rand.Read(key); err != nil {
		return fmt.Errorf("make an index key: %w", err)
	}
	return writeSecret(path, []byte(hex.EncodeToString(key)+"\n"))
}

// loadIndexKey reads it.
func loadIndexKey(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, usagef("open the index key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, hint(usagef("the index key %s can be read by others", path), "chmod 600 "+path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, usagef("read the index key: %w", err)
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != identity.KeySize {
		return nil, usagef("the index key %s is not %d bytes in hexadecimal", path, identity.KeySize)
	}
	return key, nil
}

// openIndex returns what compares persons, and the blind index whose key a file
// holds.
func openIndex(path string) (*identity.Comparer, *identity.Index, error) {
	key, err := loadIndexKey(path)
	if err != nil {
		return nil, nil, err
	}
	comparer, err := identity.New(identity.Config{Units: identity.CodeLists{}})
	if err != nil {
		return nil, nil, err
	}
	index, err := identity.NewIndex(comparer, key)
	return comparer, index, err
}

// openRegister wires the blind index of persons; nothing where the
// configuration names no key for it.
func (n *node) openRegister() error {
	if n.cfg.Encryption.Index == "" || n.register != nil {
		return nil
	}
	comparer, index, err := openIndex(n.cfg.Encryption.Index)
	if err != nil {
		return err
	}
	n.register, err = exchange.NewRegister(exchange.RegisterConfig{Store: n.db, Files: n.files, Index: index, Comparer: comparer, Logger: n.log})
	return err
}

// registerFollower is how the store knows the register. The number says what is
// indexed of a person: where a new release indexes more, another number has it read
// the record from the beginning and put the new tokens in place of the old.
const registerFollower = "register/3"

// registrar follows the record for the register; nil where there is none.
func (n *node) registrar() (*exchange.Follower, error) {
	if n.register == nil {
		return nil, nil
	}
	return exchange.NewFollower(exchange.FollowerConfig{
		Name: registerFollower, Store: n.db, Reader: n.db, Handle: n.register.Take, Clock: n.now, Logger: n.log,
	})
}
