'use strict';
// As much of session descriptions (RFC 8866, RFC 8829) as it takes to answer WHIP's and WHEP's offers with
// mediasoup, which knows none.

const splitLines = (text) => text.split(/\r?\n/).filter(Boolean);

/** Values of "a=name:value" lines; '' for "a=name". */
const attributes = (lines, name) => lines
  .filter((line) => line === `a=${name}` || line.startsWith(`a=${name}:`))
  .map((line) => line.slice(name.length + 3));

/** [value, …] of "a=name:PAYLOADTYPE value" lines. */
const about = (lines, name, payloadType) => attributes(lines, name)
  .filter((value) => value.startsWith(`${payloadType} `))
  .map((value) => value.slice(`${payloadType} `.length));

// mediasoup compares numbers as numbers, but a profile as text.
function parametersOf(text = '') {
  return Object.fromEntries(text.split(';').map((entry) => entry.trim().split('=')).filter(([name]) => name)
    .map(([name, value = '']) => [name, name !== 'profile-level-id' && /^\d+$/.test(value) ? Number(value) : value]));
}

function codecOf(kind, lines, payloadType) {
  const [encoding] = about(lines, 'rtpmap', payloadType);
  if (!encoding) return null;
  const [name, clockRate, channels] = encoding.split('/');
  return {
    mimeType: `${kind}/${name}`,
    payloadType,
    clockRate: Number(clockRate),
    ...(channels ? { channels: Number(channels) } : {}),
    parameters: parametersOf(about(lines, 'fmtp', payloadType)[0]),
    rtcpFeedback: about(lines, 'rtcp-fb', payloadType).map((value) => {
      const [type, parameter = ''] = value.split(' ');
      return { type, parameter };
    }),
  };
}

function mediaOf(lines) {
  const [kind, , protocol, ...formats] = lines[0].slice('m='.length).split(' ');
  const [ssrc] = attributes(lines, 'ssrc').map((value) => Number(value.split(' ')[0]));
  const [pair] = attributes(lines, 'ssrc-group').filter((value) => value.startsWith('FID '));
  return {
    kind,
    protocol,
    format: formats[0],
    mid: attributes(lines, 'mid')[0],
    codecs: formats.map((type) => codecOf(kind, lines, Number(type))).filter(Boolean),
    headerExtensions: attributes(lines, 'extmap').map((value) => {
      const [id, uri] = value.split(' ');
      return { id: parseInt(id, 10), uri };
    }),
    ssrc,
    rtxSsrc: pair && Number(pair.split(' ')[2]),
    cname: attributes(lines, 'ssrc').map((value) => /cname:(\S+)/.exec(value)?.[1]).find(Boolean),
  };
}

/** { media, fingerprints }; throws where there is no media or no fingerprint. */
function parseOffer(text) {
  const [session, ...media] = text.split(/^(?=m=)/m).map(splitLines);
  const all = [session, ...media].flat();
  const fingerprints = [...new Set(attributes(all, 'fingerprint'))].map((line) => {
    const [algorithm, value] = line.split(' ');
    return { algorithm: algorithm.toLowerCase(), value };
  });
  if (media.length === 0 || fingerprints.length === 0) throw new Error('this is no offer of WebRTC');
  return { media: media.map(mediaOf), fingerprints };
}

const writeParameters = (parameters) =>
  Object.entries(parameters).map(([name, value]) => `${name}=${value}`).join(';');

function writeCodec({ mimeType, payloadType, clockRate, channels, parameters, rtcpFeedback }) {
  const encoding = [mimeType.split('/')[1], clockRate, ...(channels > 1 ? [channels] : [])].join('/');
  const text = writeParameters(parameters ?? {});
  return [
    `a=rtpmap:${payloadType} ${encoding}`,
    ...(text ? [`a=fmtp:${payloadType} ${text}`] : []),
    ...(rtcpFeedback ?? []).map(({ type, parameter }) =>
      `a=rtcp-fb:${payloadType} ${type}${parameter ? ` ${parameter}` : ''}`),
  ];
}

function writeTransport({ iceParameters, iceCandidates, dtlsParameters }, withCandidates) {
  return [
    `a=ice-ufrag:${iceParameters.usernameFragment}`,
    `a=ice-pwd:${iceParameters.password}`,
    ...dtlsParameters.fingerprints.filter(({ algorithm }) => algorithm === 'sha-256')
      .map(({ algorithm, value }) => `a=fingerprint:${algorithm} ${value}`),
    'a=setup:passive',
    'a=rtcp-mux',
    ...(withCandidates ? iceCandidates.map(({ foundation, protocol, priority, address, port, type }) =>
      `a=candidate:${foundation} 1 ${protocol} ${priority} ${address} ${port} typ ${type}`) : []),
  ];
}

/**
 * The answer to `offer`. `accepted` has, by mid, what becomes of a media description: { direction,
 * rtpParameters }, as mediasoup's producers and consumers have them; what is not in it is rejected.
 */
function writeAnswer(offer, transport, accepted) {
  const mids = offer.media.map(({ mid }) => mid).filter((mid) => accepted.has(mid));
  const lines = ['v=0', 'o=- 1 1 IN IP4 0.0.0.0', 's=-', 't=0 0', 'a=ice-lite',
    `a=group:BUNDLE ${mids.join(' ')}`, 'a=msid-semantic:WMS *'];
  for (const { kind, protocol, format, mid } of offer.media) {
    if (!accepted.has(mid)) {
      lines.push(`m=${kind} 0 ${protocol} ${format}`, 'c=IN IP4 0.0.0.0', `a=mid:${mid}`, 'a=inactive');
      continue;
    }
    const { direction, rtpParameters } = accepted.get(mid);
    const { codecs, headerExtensions, encodings, rtcp } = rtpParameters;
    lines.push(`m=${kind} 9 ${protocol} ${codecs.map(({ payloadType }) => payloadType).join(' ')}`,
      'c=IN IP4 0.0.0.0', `a=mid:${mid}`, `a=${direction}`,
      ...writeTransport(transport, mid === mids[0]), ...codecs.flatMap(writeCodec),
      ...headerExtensions.map(({ id, uri }) => `a=extmap:${id} ${uri}`));
    if (direction === 'sendonly') {
      lines.push(`a=msid:stream ${kind}`, `a=ssrc:${encodings[0].ssrc} cname:${rtcp.cname}`);
    }
  }
  return `${lines.join('\r\n')}\r\n`;
}

module.exports = { parseOffer, writeAnswer };
