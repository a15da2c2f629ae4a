// SPDX-License-Identifier: GPL-3.0-or-later
// [Net.WebRequest]::Create for requests to the host itself; a simulated host reaches nothing else.
using System;
using System.Net;

namespace Rehearsal {
    public static class WebRequestShim {
        public static FrontEndRequest Create(string requestUriString) => Create(new Uri(requestUriString));
        public static FrontEndRequest Create(Uri requestUri) => new FrontEndRequest(requestUri);
    }

    public sealed class FrontEndRequest {
        internal FrontEndRequest(Uri address) { RequestUri = address; }

        public Uri RequestUri { get; }
        public string Method { get; set; } = "GET";
        public string UserAgent { get; set; }
        public IWebProxy Proxy { get; set; }
        public bool KeepAlive { get; set; } = true;
        public bool AllowAutoRedirect { get; set; } = true;
        public int Timeout { get; set; } = 100000;
        public WebHeaderCollection Headers { get; } = new WebHeaderCollection();

        /// <summary>Throws for a status from 400 on, as the real one does.</summary>
        public FrontEndResponse GetResponse() {
            if (!RequestUri.IsLoopback) {
                throw new WebException($"The remote name could not be resolved: '{RequestUri.Host}'", WebExceptionStatus.NameResolutionFailure);
            }
            var status = FrontEnd.Ask(RequestUri, Headers["Cookie"]);
            if (status == FrontEnd.Silent) {
                throw new WebException("Unable to connect to the remote server", WebExceptionStatus.ConnectFailure);
            }
            if (status == FrontEnd.Aborted) {
                throw new WebException("The underlying connection was closed: An unexpected error occurred on a receive.", WebExceptionStatus.ReceiveFailure);
            }
            var response = new FrontEndResponse(RequestUri, (HttpStatusCode)status);
            if (status >= 400) {
                throw new WebException($"The remote server returned an error: ({status}).", null, WebExceptionStatus.ProtocolError, response);
            }
            return response;
        }
    }

#pragma warning disable SYSLIB0051
    public sealed class FrontEndResponse : WebResponse {
        internal FrontEndResponse(Uri address, HttpStatusCode status) {
            ResponseUri = address;
            StatusCode = status;
        }

        public HttpStatusCode StatusCode { get; }
        public override Uri ResponseUri { get; }
        public override WebHeaderCollection Headers { get; } = new WebHeaderCollection();
        public override void Close() { }
    }
#pragma warning restore SYSLIB0051
}
