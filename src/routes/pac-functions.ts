/** The constant part of the PAC file, in ECMAScript 5. It uses no helper function of PAC: those look up names. */
export const PAC_FUNCTIONS = `
// The number of the first rule in the list that matches, if it is below the best one so far.
function firstOf(list, best, port, method) {
  for (var i = 0; i < list.length && list[i] < best; i++) {
    var rule = RULES[list[i]];
    if ((rule[2] === "" || rule[2] === method) && holdsPort(rule[1], port)) return list[i];
  }
  return best;
}

function holdsPort(ports, port) {
  if (ports === 0) return true;
  for (var i = 0; i < ports.length; i += 2) if (port >= ports[i] && port <= ports[i + 1]) return true;
  return false;
}

function rulesOf(key) {
  return Object.prototype.hasOwnProperty.call(HOSTS, key) ? HOSTS[key] : [];
}

function binary(number, digits) {
  var text = number.toString(2);
  while (text.length < digits) text = "0" + text;
  return text;
}

// The binary digits of an IPv4 address, or "".
function bits4(host) {
  var parts = /^(\\d{1,3})\\.(\\d{1,3})\\.(\\d{1,3})\\.(\\d{1,3})$/.exec(host);
  if (!parts) return "";
  var bits = "";
  for (var i = 1; i <= 4; i++) bits += binary(parseInt(parts[i], 10), 8);
  return bits.length === 32 ? bits : "";
}

// The binary digits of an IPv6 address, or "".
function bits6(host) {
  if (!/^[0-9a-f:]+$/.test(host) || host.indexOf(":") < 0) return "";
  var halves = host.split("::");
  var before = halves[0] === "" ? [] : halves[0].split(":");
  var after = halves.length < 2 || halves[1] === "" ? [] : halves[1].split(":");
  var missing = 8 - before.length - after.length;
  var groups = before;
  if (halves.length > 1) for (var i = 0; i < missing; i++) groups.push("0");
  groups = groups.concat(after);
  var bits = "";
  for (var k = 0; k < groups.length; k++) bits += binary(parseInt(groups[k], 16), 16);
  return bits.length === 128 ? bits : "";
}

// Lower case, without brackets and a final dot; IPv4 inside IPv6 as IPv4.
function canonical(host) {
  var name = host.toLowerCase().replace(/^\\[|\\]$/g, "").replace(/\\.$/, "");
  var mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(name);
  if (!mapped) return name;
  var high = parseInt(mapped[1], 16), low = parseInt(mapped[2], 16);
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}

function portOf(url, scheme) {
  var found = /^[^:]*:\\/\\/(?:[^\\/?#]*@)?(?:\\[[^\\]]*\\]|[^\\/?#:]*):(\\d+)/.exec(url);
  if (found) return parseInt(found[1], 10);
  return scheme === "https" || scheme === "wss" ? 443 : scheme === "ftp" ? 21 : 80;
}

function FindProxyForURL(url, host) {
  var scheme = url.substring(0, url.indexOf(":")).toLowerCase();
  var name = canonical(host);
  if (name === "turnpike.internal") return GATEWAY;
  var port = portOf(url, scheme);
  var method = scheme === "http" ? "plain" : "CONNECT";
  var best = firstOf(OTHERS, RULES.length, port, method);
  best = firstOf(rulesOf("=" + name), best, port, method);
  for (var dot = name.indexOf("."); dot !== -1; dot = name.indexOf(".", dot + 1))
    best = firstOf(rulesOf(name.substring(dot)), best, port, method);
  for (var k = 0; k < KEYWORDS.length; k++)
    if (name.indexOf(KEYWORDS[k][0]) !== -1) best = firstOf([KEYWORDS[k][1]], best, port, method);
  var bits = bits4(name), family = 4;
  if (bits === "") { bits = bits6(name); family = 6; }
  for (var n = 0; bits !== "" && n < LENGTHS[family].length; n++)
    best = firstOf(rulesOf(family + "/" + bits.substring(0, LENGTHS[family][n])), best, port, method);
  return best < RULES.length && RULES[best][0] === 1 ? "DIRECT" : GATEWAY;
}
`
