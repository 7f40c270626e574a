/** The admin API from its own description (`/v1/openapi.json`): each operation with its parameters, body and answers. */
import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { reasonOf } from '../actions.ts'
import { call } from '../api-client.ts'
import { said, t } from '../i18n.ts'

interface Schema {
  readonly $ref?: string
  readonly description?: string
  readonly [keyword: string]: unknown
}

interface Content {
  readonly description?: string
  readonly content?: Readonly<Record<string, { readonly schema?: Schema }>>
}

interface Parameter {
  readonly name: string
  readonly in: string
  readonly description?: string
}

interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly security: readonly object[]
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: Content
  readonly responses: Readonly<Record<string, Content>>
}

interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

export function ApiView() {
  const description = useSignal<Description | undefined>(undefined)
  const failure = useSignal<string | undefined>(undefined)
  useEffect(() => {
    call<Description>('v1/openapi.json').then(
      (read) => {
        description.value = read
      },
      (error: unknown) => {
        failure.value = reasonOf(error)
      },
    )
  }, [])
  return (
    <section class="api" aria-labelledby="api">
      <h2 id="api">{t('nav.api')}</h2>
      <p class="soft small">
        {t('api.about')} <a href="v1/openapi.json">openapi.json</a>
      </p>
      {description.value === undefined ? (
        <p class="empty card">{failure.value ?? t('page.loading')}</p>
      ) : (
        <Operations description={description.value} />
      )}
    </section>
  )
}

function Operations({ description }: { readonly description: Description }) {
  return Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => (
      <details key={operation.operationId} class="card" data-operation={operation.operationId}>
        <summary>
          <span class={`badge ${method === 'get' ? 'good' : 'warn'}`}>{method.toUpperCase()}</span>{' '}
          <span class="mono">{path}</span> <span class="soft">{said(operation.summary)}</span>
        </summary>
        <OperationDetail operation={operation} schemas={description.components.schemas} />
      </details>
    )),
  )
}

interface DetailProps {
  readonly operation: Operation
  readonly schemas: Description['components']['schemas']
}

function OperationDetail({ operation, schemas }: DetailProps) {
  const { parameters = [], requestBody, responses, security } = operation
  const needsToken = security.every((way) => 'token' in way)
  return (
    <>
      {needsToken ? <p class="small">{t('api.token')}</p> : null}
      {parameters.length === 0 ? null : (
        <ul>
          {parameters.map(({ name, in: place, description }) => (
            <li key={name}>
              <code>{name}</code> <span class="soft">({place})</span> {description}
            </li>
          ))}
        </ul>
      )}
      {requestBody === undefined ? null : <Body title={t('api.body')} content={requestBody} schemas={schemas} />}
      {Object.entries(responses).map(([status, content]) => (
        <Body key={status} title={`${status} ${content.description ?? ''}`} content={content} schemas={schemas} />
      ))}
    </>
  )
}

interface BodyProps {
  readonly title: string
  readonly content: Content
  readonly schemas: Description['components']['schemas']
}

function Body({ title, content, schemas }: BodyProps) {
  const types = Object.entries(content.content ?? {})
  return (
    <>
      <h3>{title}</h3>
      {types.map(([type, { schema }]) => {
        const name = schema?.$ref?.split('/').pop()
        const shown = name === undefined ? schema : schemas[name]
        return (
          <details key={type}>
            <summary class="mono small">{[type, name].filter(Boolean).join(' · ')}</summary>
            <pre tabIndex={0}>{JSON.stringify(shown, null, 2)}</pre>
          </details>
        )
      })}
    </>
  )
}
