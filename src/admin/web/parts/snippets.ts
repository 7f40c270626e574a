/** The same request for several programs and languages, for the selected port, user and options. */
export interface SnippetChoice {
  /** `host:port` of the gateway. */
  readonly proxy: string
  /** Clients speak TLS to it. */
  readonly isTls: boolean
  /** User name with its options; empty for none. */
  readonly user: string
  readonly url: string
}

export const snippetNames = ['curl', 'requests', 'Scrapy', 'Playwright', 'Go', 'Java'] as const
export type SnippetName = (typeof snippetNames)[number]

const writers: Readonly<Record<SnippetName, (choice: SnippetChoice) => readonly string[]>> = {
  curl: (choice) => [`curl -x ${shellQuote(proxyUrl(choice))} ${shellQuote(choice.url)}`],
  requests: (choice) => [
    'import requests',
    '',
    `proxy = ${quote(proxyUrl(choice))}`,
    `print(requests.get(${quote(choice.url)}, proxies={"http": proxy, "https": proxy}, timeout=30).text)`,
  ],
  Scrapy: (choice) => [
    'import scrapy',
    '',
    'class Example(scrapy.Spider):',
    '    name = "example"',
    '',
    '    def start_requests(self):',
    `        yield scrapy.Request(${quote(choice.url)}, meta={"proxy": ${quote(proxyUrl(choice))}})`,
    '',
    '    def parse(self, response):',
    '        print(response.text)',
  ],
  Playwright: ({ proxy, isTls, user, url }) => [
    "import { chromium } from 'playwright'",
    '',
    'const browser = await chromium.launch({',
    `  proxy: { server: ${quote(`${schemeOf(isTls)}://${proxy}`)}${user === '' ? '' : `, username: ${quote(user)}, password: "PASSWORD"`} },`,
    '})',
    'const page = await browser.newPage()',
    `await page.goto(${quote(url)})`,
    'console.log(await page.content())',
    'await browser.close()',
  ],
  Go: (choice) => [
    `proxy, _ := url.Parse(${quote(proxyUrl(choice))})`,
    'client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy)}}',
    `response, err := client.Get(${quote(choice.url)})`,
  ],
  Java: ({ proxy, user, url }) => {
    const [host, port] = splitAuthority(proxy)
    const login = [
      '    .authenticator(new Authenticator() {',
      '      protected PasswordAuthentication getPasswordAuthentication() {',
      `        return new PasswordAuthentication(${quote(user)}, "PASSWORD".toCharArray());`,
      '      }',
      '    })',
    ]
    return [
      ...(user === '' ? [] : ['// For https URLs: java -Djdk.http.auth.tunneling.disabledSchemes=""']),
      'HttpClient client = HttpClient.newBuilder()',
      `    .proxy(ProxySelector.of(new InetSocketAddress(${quote(host)}, ${port})))`,
      ...(user === '' ? [] : login),
      '    .build();',
      `HttpRequest request = HttpRequest.newBuilder(URI.create(${quote(url)})).build();`,
      'System.out.println(client.send(request, BodyHandlers.ofString()).body());',
    ]
  },
}

export function snippet(name: SnippetName, choice: SnippetChoice): string {
  return writers[name](choice).join('\n')
}

function schemeOf(isTls: boolean): string {
  return isTls ? 'https' : 'http'
}

function proxyUrl({ proxy, isTls, user }: SnippetChoice): string {
  return `${schemeOf(isTls)}://${user === '' ? '' : `${encodeURIComponent(user)}:PASSWORD@`}${proxy}`
}

function splitAuthority(authority: string): readonly [host: string, port: string] {
  const colon = authority.lastIndexOf(':')
  return [authority.slice(0, colon).replace(/^\[|\]$/g, ''), authority.slice(colon + 1)]
}

/** A string literal of Python, JavaScript, Go and Java. */
function quote(text: string): string {
  return `"${text.replace(/["\\]/g, (character) => `\\${character}`)}"`
}

/** A word of a POSIX shell. */
function shellQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
