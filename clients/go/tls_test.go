package signalbox_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	signalbox "github.com/signalbox/signalbox/clients/go"
)

func TestAServerBehindTLSIsSpokenToWithItsCertificate(t *testing.T) {
	// Only its certificate is of use here.
	issuer := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(issuer.Close)
	server, ctx := sharedServer(t), within(t)
	config := &tls.Config{Certificates: issuer.TLS.Certificates, NextProtos: []string{"h2"}}
	line := proxyOn(t, must(tls.Listen("tcp", "127.0.0.1:0", config))(t), server.address)
	roots := x509.NewCertPool()
	roots.AddCert(issuer.Certificate())

	trusting := must(signalbox.Dial(line.address, signalbox.WithTLS(&tls.Config{RootCAs: roots})))(t)
	t.Cleanup(func() { _ = trusting.Close() })
	if _, err := trusting.GetRun(ctx, "no-such-run"); !errors.Is(err, signalbox.ReasonRunNotFound) {
		t.Errorf("with its certificate it came to %v", err)
	}
	doubting := must(signalbox.Dial("https://"+line.address, signalbox.WithRetryFor(0)))(t)
	t.Cleanup(func() { _ = doubting.Close() })
	var away *signalbox.UnavailableError
	if _, err := doubting.GetRun(ctx, "no-such-run"); !errors.As(err, &away) {
		t.Errorf("without its certificate it came to %v", err)
	}
}
