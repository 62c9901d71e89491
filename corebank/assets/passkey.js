// Asks the browser for a passkey, as the button of the page says in data-ask, and sends what comes
// of it with the form, like any other field. Without this module the form offers other methods.
const bytes = text => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), c => c.charCodeAt(0));
const text = buffer => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
const keys = ids => ids.map(id => ({type: 'public-key', id: bytes(id)}));

// As toJSON() of newer browsers writes it.
const said = (id, response) => ({id: text(id), rawId: text(id), type: 'public-key', response, clientExtensionResults: {}});

const make = async ask => {
	const {rawId, response} = await navigator.credentials.create({publicKey: {
		challenge: bytes(ask.challenge), timeout: ask.timeout,
		rp: {id: ask.rpId, name: ask.rpName},
		user: {id: bytes(ask.user), name: ask.userName, displayName: ask.userName},
		pubKeyCredParams: ask.algorithms.map(alg => ({type: 'public-key', alg})),
		excludeCredentials: keys(ask.passkeys), attestation: 'none',
		authenticatorSelection: {residentKey: 'preferred', userVerification: 'required'},
	}});
	return said(rawId, {clientDataJSON: text(response.clientDataJSON), attestationObject: text(response.attestationObject)});
};

const use = async ask => {
	const {rawId, response} = await navigator.credentials.get({publicKey: {
		challenge: bytes(ask.challenge), timeout: ask.timeout, rpId: ask.rpId, allowCredentials: keys(ask.passkeys), userVerification: 'required',
	}});
	return said(rawId, {clientDataJSON: text(response.clientDataJSON), authenticatorData: text(response.authenticatorData),
		signature: text(response.signature), userHandle: response.userHandle ? text(response.userHandle) : undefined});
};

const button = document.querySelector('[data-ask]');
const unable = document.getElementById('passkey-unable'), failed = document.getElementById('passkey-failed');
if (!window.PublicKeyCredential) {
	unable.hidden = false;
} else {
	const ask = JSON.parse(button.dataset.ask);
	button.hidden = false;
	button.addEventListener('click', async event => {
		event.preventDefault();
		button.disabled = failed.hidden = true;
		try {
			button.form.elements.answer.value = JSON.stringify(await (ask.rpName ? make : use)(ask));
		} catch {
			failed.hidden = false; // refused, or nobody was there
			button.disabled = false;
			return;
		}
		button.disabled = false; // a disabled button is not sent
		button.form.requestSubmit(button);
	});
}
